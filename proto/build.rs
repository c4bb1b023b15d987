//! Compiles every `.proto` under `koine/` with protox (without protoc), and keeps comments and options in the descriptor.

#![allow(clippy::disallowed_methods, reason = "Cargo tells a build script through the environment")]

use std::{
    env,
    error::Error,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use prost_reflect::DescriptorPool;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=koine");
    println!("cargo::rerun-if-changed=google");
    let mut files = Vec::new();
    collect(Path::new("koine"), &mut files)?;
    // the details of errors, so that clients can read them by reflection
    files.push(PathBuf::from("google/rpc/error_details.proto"));
    files.sort();

    let mut compiler = protox::Compiler::new(["."])?;
    compiler.include_imports(true).include_source_info(true).open_files(&files)?;
    // `encode_…` keeps the custom options, which a `FileDescriptorSet` of prost would drop
    let bytes = compiler.encode_file_descriptor_set();
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptor.bin"), &bytes)?;

    let pool = DescriptorPool::decode(bytes.as_slice())?;
    fs::write(out.join("reasons.rs"), reasons(&pool)?)?;
    fs::write(out.join("facts.rs"), facts(&pool)?)?;
    fs::write(out.join("catalogues.rs"), catalogues(&pool)?)?;

    let mut config = prost_build::Config::new();
    // the pieces of a file are passed on without a copy
    config.bytes([".google.api.HttpBody"]);
    // equal messages have equal bytes, because a repeated request is identified by their digest
    config.btree_map(["."]);
    config.enable_type_names().compile_well_known_types().extern_path(".google.protobuf", "::prost_types");
    for message in pool.all_messages() {
        let name = message.full_name();
        if name.starts_with("google.protobuf.") || name.starts_with("google.rpc.") {
            continue;
        }
        config.type_attribute(format!(".{name}"), "#[derive(::prost_reflect::ReflectMessage)]");
        config.type_attribute(format!(".{name}"), format!(r#"#[prost_reflect(message_name = "{name}")]"#));
        config.type_attribute(format!(".{name}"), r#"#[prost_reflect(descriptor_pool = "crate::descriptor()")]"#);
    }
    tonic_prost_build::configure()
        .build_transport(false)
        .include_file("packages.rs")
        .compile_fds_with_config(compiler.file_descriptor_set(), config)?;
    Ok(())
}

/// `impl Declared` for every enum with the name `Reason`, with the codes of its values.
fn reasons(pool: &DescriptorPool) -> Result<String, Box<dyn Error>> {
    let code = pool.get_extension_by_name("koine.options.v1.code").ok_or("options.proto declares no `code`")?;
    let mut text = String::new();
    for reasons in pool.all_enums().filter(|reasons| reasons.name() == "Reason") {
        let domain = reasons.package_name();
        let path = domain.replace('.', "::");
        let mut arms = String::new();
        for value in reasons.values() {
            let options = value.options();
            if !options.has_extension(&code) {
                return Err(format!("{}: say its `code`", value.full_name()).into());
            }
            let number = options.get_extension(&code).as_enum_number().unwrap_or_default();
            writeln!(
                arms,
                "            {} => ({:?}, {number}),",
                value.number(),
                value.name().trim_start_matches("REASON_")
            )?;
        }
        writeln!(
            text,
            "impl Declared for packages::{path}::Reason {{
    const DOMAIN: &'static str = {domain:?};

    fn entry(self) -> (&'static str, i32) {{
        match self as i32 {{
{arms}            _ => (\"UNSPECIFIED\", 13),
        }}
    }}
}}"
        )?;
    }
    Ok(text)
}

/// `CATALOGUES`: every file `reasons/<language>.ftl` beside an enum called `Reason`.
fn catalogues(pool: &DescriptorPool) -> Result<String, Box<dyn Error>> {
    let root = env::current_dir()?;
    let mut text = String::from("pub const CATALOGUES: &[Catalogue] = &[\n");
    for reasons in pool.all_enums().filter(|reasons| reasons.name() == "Reason") {
        let domain = reasons.package_name();
        let folder = root.join(domain.replace('.', "/")).join("reasons");
        let entries = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let mut files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, std::io::Error>>()?;
        files.sort();
        for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "ftl")) {
            let language = file.file_stem().and_then(|stem| stem.to_str()).ok_or("a language has a name in UTF-8")?;
            writeln!(
                text,
                "    Catalogue {{ domain: {domain:?}, language: {language:?}, text: include_str!({file:?}) }},"
            )?;
        }
    }
    text.push_str("];\n");
    Ok(text)
}

/// `impl Fact` for every message of a file `event.proto`, with the services its option names.
fn facts(pool: &DescriptorPool) -> Result<String, Box<dyn Error>> {
    let fact = pool.get_extension_by_name("koine.options.v1.fact").ok_or("options.proto declares no `fact`")?;
    let mut text = String::new();
    for file in pool.files().filter(|file| file.name().ends_with("/event.proto")) {
        let producer = file.package_name().split('.').nth(1).unwrap_or_default().to_owned();
        for message in file.messages() {
            let name = message.full_name();
            if !message.options().has_extension(&fact) {
                return Err(format!("{name}: say with `(koine.options.v1.fact)` who handles it").into());
            }
            let option = message.options().get_extension(&fact).into_owned();
            let option = option.as_message().ok_or("`fact` is a message")?;
            let consumers = option.get_field_by_name("consumers");
            let consumers = consumers.as_deref().and_then(|list| list.as_list()).unwrap_or_default();
            let consumers: Vec<&str> = consumers.iter().filter_map(|consumer| consumer.as_str()).collect();
            let unconsumed = option.get_field_by_name("unconsumed");
            let unconsumed = unconsumed.as_deref().and_then(|reason| reason.as_str()).unwrap_or_default();
            if consumers.is_empty() == unconsumed.is_empty() {
                return Err(format!("{name}: say either its `consumers` or why it is `unconsumed`").into());
            }
            if let Some(unknown) = consumers.iter().find(|service| !Path::new("koine").join(service).is_dir()) {
                return Err(format!("{name}: no service is called `{unknown}`").into());
            }
            writeln!(
                text,
                "impl Fact for packages::{}::{} {{
    const PRODUCER: &'static str = {producer:?};
    const CONSUMERS: &'static [&'static str] = &{consumers:?};
}}",
                message.package_name().replace('.', "::"),
                message.name()
            )?;
        }
    }
    Ok(text)
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, into)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            into.push(path);
        }
    }
    Ok(())
}
