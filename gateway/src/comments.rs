//! The comments of the `.proto` files, for the pages about problems and for the OpenAPI document.

use std::collections::HashMap;

use prost_reflect::{DescriptorPool, FileDescriptor};

/// The leading comments, by file and by the path of the commented element.
pub(crate) struct Comments(HashMap<String, HashMap<Vec<i32>, String>>);

impl Comments {
    pub(crate) fn of(pool: &DescriptorPool) -> Self {
        Self(pool.files().map(|file| (file.name().to_owned(), in_file(&file))).collect())
    }

    /// The comment of the element at `path`. Empty, where there is none.
    pub(crate) fn at(&self, file: &FileDescriptor, path: &[i32]) -> &str {
        self.0.get(file.name()).and_then(|comments| comments.get(path)).map_or("", String::as_str)
    }
}

fn in_file(file: &FileDescriptor) -> HashMap<Vec<i32>, String> {
    let source = file.file_descriptor_proto().source_code_info.as_ref();
    let locations = source.map_or(&[][..], |source| &source.location);
    let commented = locations.iter().filter_map(|at| Some((at.path.clone(), prose(at.leading_comments.as_ref()?))));
    commented.collect()
}

/// Joins the lines of each paragraph, because the line breaks of the source mean nothing elsewhere.
fn prose(comment: &str) -> String {
    let mut text = String::with_capacity(comment.len());
    for line in comment.lines().map(str::trim) {
        match line {
            "" if !text.is_empty() && !text.ends_with('\n') => text.push_str("\n\n"),
            "" => {}
            line => {
                if !text.is_empty() && !text.ends_with('\n') {
                    text.push(' ');
                }
                text.push_str(line);
            }
        }
    }
    text.truncate(text.trim_end().len());
    text
}

/// The first sentence, without its full stop.
pub(crate) fn first_sentence(text: &str) -> &str {
    let line = text.lines().next().unwrap_or_default();
    line.split(". ").next().unwrap_or(line).trim_end_matches('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_over_two_lines_reads_as_one() {
        assert_eq!(prose(" One\n two.\n\n Three.\n"), "One two.\n\nThree.");
    }

    #[test]
    fn the_first_sentence_has_no_full_stop() {
        assert_eq!(first_sentence("Sign in again. Then call."), "Sign in again");
        assert_eq!(first_sentence("Only one."), "Only one");
        assert_eq!(first_sentence("At most 1.5 of it. More is refused."), "At most 1.5 of it");
    }

    #[test]
    fn the_descriptor_keeps_the_comments_of_methods() {
        let pool = proto::descriptor();
        let service = pool.get_service_by_name("koine.identity.v1.TeamService").unwrap();
        let method = service.methods().next().unwrap();
        let comments = Comments::of(&pool);
        let text = comments.at(&method.parent_file(), method.path());
        assert!(text.starts_with("One team: for itself"), "{text}");
    }
}
