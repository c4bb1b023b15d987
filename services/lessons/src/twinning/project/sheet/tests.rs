use tonic::Status;

use super::*;

pub(crate) const HEADER: &str = "keep_id,acronym,name,programme_cci,status,start_date,end_date,total_budget,eu_funding,themes,\
                                 partner_name,partner_type,country,nuts3,town,partner_total_budget\n";

const LINES: &str = "20001,SEA,Clean ports,2014TC16RFCB042,closed,2019-01-01,2021-06-30,1234567.89,1049382.7,Sea | Ports,\
                     \"Port authority, Ortona\",lead,Italy,ITF14,Ortona,600000\n\
                     20001,SEA,Clean ports,2014TC16RFCB042,closed,2019-01-01,2021-06-30,1234567.89,1049382.7,Sea | Ports,\
                     Grad Zadar,partner,Croatia,HR033,Zadar,0\n";

const OWN: &str = "2014TC16RFCB042";

fn file(text: impl Into<Vec<u8>>) -> Upload {
    Upload { bytes: text.into(), ..Upload::default() }
}

/// What a sheet of Italy–Croatia tells.
pub(crate) fn sheet(text: &str) -> Sheet {
    read(&[OWN.to_owned()], file(text)).unwrap()
}

/// Place, reason and description of everything that is wrong.
fn faults(text: impl Into<Vec<u8>>) -> Vec<(String, String, String)> {
    let refused = read(&[OWN.to_owned()], file(text)).unwrap_err();
    let faults = refused.violations().iter();
    faults.map(|one| (one.field.clone(), one.reason.to_owned(), one.description.clone())).collect()
}

fn places(text: &str) -> Vec<String> {
    faults(text).into_iter().map(|(place, ..)| place).collect()
}

#[test]
fn each_line_of_a_project_is_one_partner() {
    let sheet = sheet(&format!("{HEADER}{LINES}"));
    assert_eq!((sheet.lines, sheet.projects.len()), (2, 1));
    let project = &sheet.projects[0];
    assert_eq!((project.acronym.as_str(), project.themes.clone()), ("SEA", vec!["Sea".to_owned(), "Ports".to_owned()]));
    assert_eq!(project.total, Budget::Published("1234567.89".to_owned()));
    assert_eq!(project.union_share, Budget::Published("1049382.70".to_owned()));
    let [lead, partner] = &project.partners[..] else { panic!("two partners") };
    assert_eq!((lead.name.as_str(), lead.is_lead, lead.country.as_str()), ("Port authority, Ortona", true, "it"));
    assert_eq!((partner.territory.as_str(), &partner.share), ("HR033", &Budget::PublishedZero));
}

#[test]
fn a_sheet_may_have_a_byte_order_mark_semicolons_crlf_empty_lines_and_more_columns() {
    let plain = LINES.replace("\"Port authority, Ortona\"", "Port authority");
    let expected = sheet(&format!("{HEADER}{plain}")).projects;
    let more = format!("{HEADER}{plain}").replace('\n', ",x\n");
    for text in [
        format!("\u{feff}{HEADER}{plain}"),
        format!("{HEADER}{plain}").replace(',', ";"),
        format!("{HEADER}{plain}").replace(',', ";").replace("1234567.89", "1234567,89"),
        format!("\n{HEADER}\n{plain}\n,,,,,,,,,,,,,,,\n").replace('\n', "\r\n"),
        format!("{}{plain}", HEADER.to_uppercase()),
        more,
    ] {
        assert_eq!(sheet(&text).projects, expected, "{text}");
    }
}

#[test]
fn every_fault_has_its_line_and_column_and_all_are_named_at_once() {
    let wrong =
        LINES.replace("Croatia", "Atlantis").replace("2021-06-30", "2018-06-30").replace("HR033", "Zadar county");
    let text = format!(
        "{HEADER}\n{wrong}{}{}",
        "20002,,,2021TC16RFCB038,,01/02/2020,,1.234.567,-1,,,boss,HR,HR033,,n/a\n",
        "20003,WIND,Roofs,2014TC16RFCB042,,,,,,,A town,lead,HR\n"
    );
    let expected = [
        "line 3, end_date",
        "line 4, country",
        "line 4, nuts3",
        "line 5, acronym",
        "line 5, name",
        "line 5, programme_cci",
        "line 5, start_date",
        "line 5, total_budget",
        "line 5, eu_funding",
        "line 5, partner_name",
        "line 5, partner_type",
        "line 5, partner_total_budget",
        "line 6",
    ];
    assert_eq!(places(&text), expected);
    let foreign: Vec<_> =
        faults(text.as_str()).into_iter().filter(|(_, reason, _)| reason == "PROJECT_FOREIGN").collect();
    assert_eq!(foreign.len(), 1);
    assert!(foreign[0].2.contains(OWN), "{foreign:?}");
}

#[test]
fn all_missing_columns_are_named_at_once() {
    let found = faults("keep_id,acronym,name\n1,2,3\n");
    assert_eq!((found.len(), found[0].0.as_str(), found[0].1.as_str()), (1, "line 1", "COLUMN_MISSING"));
    for column in ["programme_cci", "partner_total_budget"] {
        assert!(found[0].2.contains(column), "{found:?}");
    }
}

#[test]
fn lines_that_say_two_things_of_one_project_are_named() {
    let mut lines = LINES.lines();
    let (one, other) = (lines.next().unwrap(), lines.next().unwrap().replace("closed", "ongoing"));
    let found = faults(format!("{HEADER}{one}\n{other}\n"));
    assert_eq!((found.len(), found[0].0.as_str()), (1, "line 3, status"));
    assert!(found[0].2.contains("Line 2"), "{found:?}");
}

#[test]
fn bytes_that_are_no_text_and_stray_quotes_are_named() {
    let mut bytes = format!("{HEADER}{LINES}").into_bytes();
    bytes.extend(b"3,X,Citt\xc0,2014TC16RFCB042,,,,,,,A,lead,IT,,,\n");
    assert_eq!(faults(bytes)[0].0, "line 4, name");
    let astray = format!("{HEADER}4,X,\"Name,2014TC16RFCB042,,,,,,,A,lead,IT,,,\n{LINES}");
    assert_eq!(places(&astray), ["line 2"]);
    let folded = format!("{HEADER}4,X,\"Two\nlines\",2014TC16RFCB042,,,,,,,A,lead,IT,,,\n");
    assert_eq!(places(&folded), ["line 2, name"]);
}

#[test]
fn a_sheet_without_lines_is_refused() {
    for text in ["", "\n\n", HEADER] {
        assert_eq!(places(text), ["line 1"], "{text}");
    }
}

#[test]
fn however_much_is_wrong_the_answer_stays_small() {
    let text = format!("{HEADER}{}", "9,,,,,,,,,,,,,,,\n".repeat(5_000));
    let status = Status::from(read(&[], file(text)).unwrap_err());
    assert!(status.details().len() < 12_000, "{}", status.details().len());
}
