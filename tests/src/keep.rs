//! Invented sheets of projects, as large as those of keep.eu.

use std::fmt::Write;

/// The header of a sheet of projects.
pub const HEADER: &str = "keep_id,acronym,name,programme_cci,status,start_date,end_date,total_budget,eu_funding,themes,\
                          partner_name,partner_type,country,nuts3,town,partner_total_budget\n";

/// A sheet with this number of projects of a programme. Each has a partner in each country, every third has one more.
pub fn sheet(cci: &str, countries: &[&str], projects: usize) -> String {
    let mut text = HEADER.to_owned();
    for number in 1..=projects {
        let more = if number % 3 == 0 { 1 } else { 0 };
        for place in 0..countries.len() + more {
            let country = countries[place % countries.len()].to_uppercase();
            let kind = if place == 0 { "lead" } else { "partner" };
            let status = if number % 4 == 0 { "ongoing" } else { "closed" };
            writeln!(
                text,
                "{number},ACR{number:05},\"The sea, number {number}\",{cci},{status},2019-01-01,2021-06-30,{}.50,{},\
                 Sea|Ports,\"Partner {place}, of {number}\",{kind},{country},,Town {place},{}",
                1_000_000 + number,
                if number % 5 == 0 { String::new() } else { format!("{}", 850_000 + number) },
                place * 1_000,
            )
            .expect("text");
        }
    }
    text
}
