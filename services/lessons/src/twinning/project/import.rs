//! Compares the projects of a sheet with those known so far.

use std::collections::{BTreeMap, HashMap, HashSet};

use platform::Ctx;

use super::{
    Facts, Partner, Project,
    sheet::{OF_PARTNER, OF_PROJECT, Sheet},
};

/// What an import changes.
#[derive(Debug, Default)]
pub(crate) struct Import {
    /// How many lines the sheet has.
    pub(crate) lines: usize,
    /// Projects that were not known.
    pub(crate) added: Vec<Project>,
    /// Projects that have changed, each with the columns in which they differ.
    pub(crate) changed: Vec<(Project, Vec<String>)>,
    /// How many have not changed.
    pub(crate) unchanged: usize,
    /// The keep.eu numbers of projects that the sheet does not have any more.
    pub(crate) missing: Vec<String>,
}

impl Import {
    /// Compares a sheet with the projects known so far. A project counts as missing only where the sheet has other projects of its
    /// programme: a sheet of one period says nothing about the projects of another one.
    pub(crate) fn plan(ctx: &Ctx, known: Vec<Project>, sheet: Sheet) -> Self {
        let told: HashSet<String> = sheet.projects.iter().map(|facts| facts.programme_cci.clone()).collect();
        let mut known: HashMap<String, Project> =
            known.into_iter().map(|project| (project.facts.keep_id.clone(), project)).collect();
        let mut import = Self { lines: sheet.lines, ..Self::default() };
        for mut facts in sheet.projects {
            let Some(before) = known.remove(&facts.keep_id) else {
                number(&[], &mut facts.partners);
                import.added.push(Project::new(ctx, facts));
                continue;
            };
            number(&before.facts.partners, &mut facts.partners);
            let columns = differences(&before.facts, &facts);
            if columns.is_empty() {
                import.unchanged += 1;
            } else {
                import.changed.push((Project { id: before.id, facts, imported_at: ctx.now() }, columns));
            }
        }
        let missing = known.into_values().filter(|project| told.contains(&project.facts.programme_cci));
        import.missing = missing.map(|project| project.facts.keep_id).collect();
        import.missing.sort_unstable();
        import
    }
}

/// Numbers the partners of a project and sorts them by their numbers. A partner that was there before keeps its number, wherever it stands
/// in the sheet now, because pairs name the partner they look at by its number.
fn number(known: &[Partner], partners: &mut [Partner]) {
    let mut free: Vec<&Partner> = known.iter().collect();
    let mut last = known.iter().map(place).max().unwrap_or_default();
    for partner in partners.iter_mut() {
        let same = free.iter().position(|one| (&one.name, &one.country) == (&partner.name, &partner.country));
        partner.id = match same {
            Some(at) => free.remove(at).id.clone(),
            None => {
                last += 1;
                last.to_string()
            }
        };
    }
    partners.sort_by_key(place);
}

fn place(partner: &Partner) -> u32 {
    partner.id.parse().unwrap_or_default()
}

/// The columns in which two versions of a project differ. Columns of a partner carry its number.
fn differences(before: &Facts, now: &Facts) -> Vec<String> {
    let (one, other) = (of_project(before), of_project(now));
    let differs = OF_PROJECT.iter().zip(one.iter().zip(&other)).filter(|(_, (one, other))| one != other);
    let mut columns: Vec<String> = differs.map(|(column, _)| (*column).to_owned()).collect();
    let mut partners: BTreeMap<u32, [Option<&Partner>; 2]> = BTreeMap::new();
    for (at, facts) in [before, now].into_iter().enumerate() {
        for partner in &facts.partners {
            partners.entry(place(partner)).or_default()[at] = Some(partner);
        }
    }
    for (number, telling) in partners {
        match telling {
            [Some(before), Some(now)] => {
                let (one, other) = (of_partner(before), of_partner(now));
                let differs = OF_PARTNER.iter().zip(one.iter().zip(&other)).filter(|(_, (one, other))| one != other);
                columns.extend(differs.map(|(column, _)| format!("partner {number}: {column}")));
            }
            [None, _] => columns.push(format!("partner {number}: new")),
            [Some(_), None] => columns.push(format!("partner {number}: gone")),
        }
    }
    columns
}

/// The value of a project in each of its columns.
fn of_project(facts: &Facts) -> [String; OF_PROJECT.len()] {
    [
        facts.keep_id.clone(),
        facts.acronym.clone(),
        facts.name.clone(),
        facts.programme_cci.clone(),
        facts.status.clone(),
        facts.starts_on.clone(),
        facts.ends_on.clone(),
        facts.total.to_string(),
        facts.union_share.to_string(),
        facts.themes.join("|"),
    ]
}

fn of_partner(partner: &Partner) -> [String; OF_PARTNER.len()] {
    [
        partner.name.clone(),
        if partner.is_lead { "lead" } else { "partner" }.to_owned(),
        partner.country.clone(),
        partner.territory.clone(),
        partner.town.clone(),
        partner.share.to_string(),
    ]
}

#[cfg(test)]
mod tests {
    use proto::options::v1::Role;

    use super::*;
    use crate::{
        testing::Ground,
        twinning::project::sheet::tests::{HEADER, sheet},
    };

    const TWO: &str = "1,SEA,Clean ports,2014TC16RFCB042,closed,,,1000,850,,A port,lead,IT,ITF14,Ortona,600\n\
                       1,SEA,Clean ports,2014TC16RFCB042,closed,,,1000,850,,A town,partner,HR,HR033,Zadar,400\n\
                       2,WIND,Quiet roofs,2014TC16RFCB042,ongoing,,,,,,A region,lead,HR,HR036,,\n";

    fn plan(ground: &Ground, known: Vec<Project>, lines: &str) -> Import {
        Import::plan(&ground.by(Role::Coordinator), known, sheet(&format!("{HEADER}{lines}")))
    }

    fn known(ground: &Ground) -> Vec<Project> {
        plan(ground, Vec::new(), TWO).added
    }

    #[test]
    fn an_import_keeps_equal_projects_and_names_the_columns_that_changed() {
        let ground = Ground::programme();
        let known = known(&ground);
        let id = known[0].id();
        let again = plan(&ground, known.clone(), TWO);
        assert_eq!((again.lines, again.unchanged, again.added.len(), again.changed.len()), (3, 2, 0, 0));
        let told = TWO.replace("closed", "CLOSED").replace("Zadar,400", "Zadar,0").replace("Ortona,600", "Ortona,");
        let import = plan(&ground, known, &told);
        let (project, columns) = &import.changed[0];
        assert_eq!(project.id(), id);
        assert_eq!(
            columns,
            &["status", "partner 1: partner_total_budget", "partner 2: partner_total_budget"],
            "zero is not unpublished"
        );
        assert_eq!((import.unchanged, import.missing.len()), (1, 0));
    }

    #[test]
    fn partners_keep_their_numbers_wherever_they_stand() {
        let ground = Ground::programme();
        let lines: Vec<_> = TWO.lines().collect();
        let moved = format!("{}\n{}\n{}\n", lines[2], lines[1], lines[0]);
        let import = plan(&ground, known(&ground), &moved);
        assert_eq!((import.unchanged, import.changed.len()), (2, 0));
        let new = format!("{}\n{}\n{}\n", lines[0].replace("A port", "Another port"), lines[1], lines[2]);
        let import = plan(&ground, known(&ground), &new);
        let (project, columns) = &import.changed[0];
        assert_eq!(columns, &["partner 1: gone", "partner 3: new"]);
        let named: Vec<_> = project.facts().partners.iter().map(|one| (one.id.as_str(), one.name.as_str())).collect();
        assert_eq!(named, [("2", "A town"), ("3", "Another port")]);
    }

    #[test]
    fn a_project_is_missing_when_the_sheet_has_others_of_its_programme() {
        let ground = Ground::programme();
        let import = plan(&ground, known(&ground), TWO.lines().last().unwrap());
        assert_eq!(import.missing, ["1"]);
        let mut elsewhere = known(&ground);
        elsewhere[0].facts.programme_cci = "2021TC16RFCB038".to_owned();
        let import = plan(&ground, elsewhere, TWO.lines().last().unwrap());
        assert!(import.missing.is_empty(), "another period has a sheet of its own");
    }
}
