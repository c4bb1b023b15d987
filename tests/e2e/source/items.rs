//! A file as `syn` parses it: its modules, imports and functions, and what of it exists in tests alone.

use std::ops::Range;

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{
    Attribute, Expr, ExprLit, File, ImplItem, Item, ItemImpl, ItemMod, ItemUse, Lit, Meta, Stmt, TraitItem, UseTree,
    punctuated::Punctuated,
    spanned::Spanned,
    token::{Brace, Comma},
    visit::{self, Visit},
};

/// A function that has a body.
#[derive(Clone, Debug)]
pub struct Function {
    pub name: String,
    /// Where the word `fn` stands.
    pub at: usize,
    /// What stands between its braces.
    pub body: Range<usize>,
    /// The words of the type it returns.
    pub returns: Vec<String>,
    /// Whether it is a method of a gRPC service.
    pub is_rpc: bool,
}

/// One thing that a `use` item imports.
#[derive(Clone, Debug)]
pub struct Import {
    /// What is imported, without `self` at its end. For `a::*` it is `a`.
    pub path: Vec<String>,
    /// The name it has here. None where everything of `path` is imported.
    pub name: Option<String>,
    /// The module inside the file that imports it.
    pub module: Vec<String>,
    pub at: usize,
}

/// A module inside a file.
#[derive(Clone, Debug)]
pub struct Inline {
    /// Its name, behind those of the modules around it.
    pub path: Vec<String>,
    pub body: Range<usize>,
}

/// What `syn` tells of a file. Everything but `tests`, `uses` and `test_modules` is without its tests.
#[derive(Default)]
pub struct Items {
    /// What exists in tests alone.
    pub tests: Vec<Range<usize>>,
    /// The places of `use` items.
    pub uses: Vec<Range<usize>>,
    pub imports: Vec<Import>,
    pub functions: Vec<Function>,
    pub inline: Vec<Inline>,
    /// The names of items, each with the module inside the file that it is in.
    pub declared: Vec<(Vec<String>, String)>,
    /// The modules in other files that are declared for tests alone.
    pub test_modules: Vec<String>,
    /// What may panic, for an attribute says why it cannot.
    pub granted: Vec<Range<usize>>,
    module: Vec<String>,
    is_service: bool,
}

/// Parses the text of a file once more, for a law that asks for what is not read into [`super::Source`].
pub fn parsed(text: &str) -> File {
    syn::parse_file(text).expect("it was parsed before")
}

/// Tokens as they are written, without spaces.
pub fn text(tokens: &impl ToTokens) -> String {
    tokens.to_token_stream().to_string().split_whitespace().collect()
}

pub fn read(stream: TokenStream) -> syn::Result<Items> {
    let file: File = syn::parse2(stream)?;
    let mut items = Items::default();
    if is_for_tests(&file.attrs) {
        items.tests.push(0..file.span().byte_range().end);
    } else {
        items.visit_file(&file);
    }
    Ok(items)
}

impl<'ast> Visit<'ast> for Items {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes = attributes(item);
        if is_for_tests(attributes) {
            if let Item::Mod(ItemMod { ident, content: None, .. }) = item {
                self.test_modules.push(ident.to_string());
            }
            return self.tests.push(item.span().byte_range());
        }
        if matches!(item, Item::Const(_) | Item::Static(_)) {
            self.grant(attributes, item.span().byte_range());
        }
        self.declared.extend(name(item).map(|name| (self.module.clone(), name)));
        visit::visit_item(self, item);
    }

    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        let Some((Brace { span }, items)) = &module.content else { return };
        self.module.push(module.ident.to_string());
        let body = span.open().byte_range().end..span.close().byte_range().start;
        self.inline.push(Inline { path: self.module.clone(), body });
        items.iter().for_each(|item| self.visit_item(item));
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.uses.push(item.span().byte_range());
        self.import(Vec::new(), &item.tree);
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        let is_service = item.attrs.iter().any(|attribute| text(attribute.path()) == "tonic::async_trait");
        let around = std::mem::replace(&mut self.is_service, is_service);
        visit::visit_item_impl(self, item);
        self.is_service = around;
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, Some(&item.block));
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let attributes = match item {
            ImplItem::Const(item) => &item.attrs,
            ImplItem::Fn(item) => &item.attrs,
            ImplItem::Type(item) => &item.attrs,
            ImplItem::Macro(item) => &item.attrs,
            _ => return,
        };
        if !self.skipped(attributes, item) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig, Some(&item.block));
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item(&mut self, item: &'ast TraitItem) {
        let attributes = match item {
            TraitItem::Const(item) => &item.attrs,
            TraitItem::Fn(item) => &item.attrs,
            TraitItem::Type(item) => &item.attrs,
            TraitItem::Macro(item) => &item.attrs,
            _ => return,
        };
        if !self.skipped(attributes, item) {
            visit::visit_trait_item(self, item);
        }
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        self.function(&item.sig, item.default.as_ref());
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_stmt(&mut self, statement: &'ast Stmt) {
        let attributes = match statement {
            Stmt::Local(local) => &local.attrs,
            Stmt::Macro(call) => &call.attrs,
            Stmt::Expr(value, _) => of_expression(value),
            Stmt::Item(_) => return visit::visit_stmt(self, statement),
        };
        self.grant(attributes, statement.span().byte_range());
        if !self.skipped(attributes, statement) {
            visit::visit_stmt(self, statement);
        }
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        if !self.skipped(&field.attrs, field) {
            visit::visit_field(self, field);
        }
    }

    fn visit_field_value(&mut self, field: &'ast syn::FieldValue) {
        if !self.skipped(&field.attrs, field) {
            visit::visit_field_value(self, field);
        }
    }

    fn visit_variant(&mut self, variant: &'ast syn::Variant) {
        if !self.skipped(&variant.attrs, variant) {
            visit::visit_variant(self, variant);
        }
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        if !self.skipped(&arm.attrs, arm) {
            visit::visit_arm(self, arm);
        }
    }
}

impl Items {
    /// Whether this exists in tests alone; then its place is kept.
    fn skipped(&mut self, attributes: &[Attribute], node: &impl Spanned) -> bool {
        let skipped = is_for_tests(attributes);
        if skipped {
            self.tests.push(node.span().byte_range());
        }
        skipped
    }

    fn function(&mut self, signature: &syn::Signature, block: Option<&syn::Block>) {
        let Some(Brace { span }) = block.map(|block| block.brace_token) else { return };
        let body = span.open().byte_range().end..span.close().byte_range().start;
        let (name, at) = (signature.ident.to_string(), signature.fn_token.span().byte_range().start);
        let returns = match &signature.output {
            syn::ReturnType::Type(_, returned) => words(returned.to_token_stream()),
            syn::ReturnType::Default => Vec::new(),
        };
        self.functions.push(Function { name, at, body, returns, is_rpc: self.is_service });
    }

    fn import(&mut self, mut before: Vec<String>, tree: &UseTree) {
        let (name, at) = match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                return self.import(before, &path.tree);
            }
            UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.import(before.clone(), tree));
            }
            UseTree::Name(name) => {
                let at = name.ident.span().byte_range().start;
                if name.ident != "self" {
                    before.push(name.ident.to_string());
                }
                (before.last().cloned(), at)
            }
            UseTree::Rename(rename) => {
                if rename.ident != "self" {
                    before.push(rename.ident.to_string());
                }
                (Some(rename.rename.to_string()), rename.ident.span().byte_range().start)
            }
            UseTree::Glob(glob) => (None, glob.star_token.span().byte_range().start),
        };
        self.imports.push(Import { path: before, name, module: self.module.clone(), at });
    }

    /// Keeps the place of a statement whose attributes say why it cannot panic.
    fn grant(&mut self, attributes: &[Attribute], place: Range<usize>) {
        let panics = ["clippy::expect_used", "clippy::unwrap_used", "clippy::panic"];
        let grants = attributes.iter().filter(|attribute| attribute.path().is_ident("expect")).any(|attribute| {
            attribute
                .parse_args_with(Punctuated::<Meta, Comma>::parse_terminated)
                .is_ok_and(|lints| lints.iter().any(|lint| panics.contains(&text(lint.path()).as_str())))
        });
        if grants {
            self.granted.push(place);
        }
    }
}

/// Every identifier of these tokens.
fn words(stream: TokenStream) -> Vec<String> {
    let words = stream.into_iter().flat_map(|tree| match tree {
        TokenTree::Group(group) => words(group.stream()),
        TokenTree::Ident(ident) => vec![ident.to_string()],
        TokenTree::Punct(_) | TokenTree::Literal(_) => Vec::new(),
    });
    words.collect()
}

/// Whether attributes say that something exists in tests alone.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let path = attribute.path();
        let condition = || attribute.parse_args::<Meta>().is_ok_and(|condition| holds_in_tests_alone(&condition));
        path.segments.last().is_some_and(|last| last.ident == "test") || (path.is_ident("cfg") && condition())
    })
}

fn holds_in_tests_alone(condition: &Meta) -> bool {
    match condition {
        Meta::Path(path) => path.is_ident("test"),
        Meta::NameValue(pair) => {
            let is_testing = |value: &Expr| matches!(value, Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) if text.value() == "testing");
            pair.path.is_ident("feature") && is_testing(&pair.value)
        }
        Meta::List(list) => {
            let parts = list.parse_args_with(Punctuated::<Meta, Comma>::parse_terminated).unwrap_or_default();
            match list.path.get_ident().map(ToString::to_string).as_deref() {
                Some("any") => !parts.is_empty() && parts.iter().all(holds_in_tests_alone),
                Some("all") => parts.iter().any(holds_in_tests_alone),
                _ => false,
            }
        }
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// What an item is called, where other modules can name it.
fn name(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::TraitAlias(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

/// The attributes of an expression that can stand alone as a statement.
fn of_expression(value: &Expr) -> &[Attribute] {
    match value {
        Expr::Await(value) => &value.attrs,
        Expr::Block(value) => &value.attrs,
        Expr::Call(value) => &value.attrs,
        Expr::ForLoop(value) => &value.attrs,
        Expr::If(value) => &value.attrs,
        Expr::Macro(value) => &value.attrs,
        Expr::Match(value) => &value.attrs,
        Expr::MethodCall(value) => &value.attrs,
        Expr::Return(value) => &value.attrs,
        Expr::Struct(value) => &value.attrs,
        Expr::Try(value) => &value.attrs,
        _ => &[],
    }
}
