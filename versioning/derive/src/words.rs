//! The words of an annotation: numbers, names, lists of versions.

use proc_macro2::Span;
use syn::meta::ParseNestedMeta;
use syn::parse::ParseStream;
use syn::{Attribute, Error, LitInt, LitStr, Path, Result, Token, bracketed, token};

use crate::history::Boundary;

/// A version as written.
#[derive(Clone, Copy)]
pub(crate) struct Numbered {
    pub(crate) value: u16,
    pub(crate) span: Span,
}

/// Returns the attributes `#[versioned(…)]`.
pub(crate) fn versioned(attributes: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("versioned"))
}

/// Reads a number.
fn int(input: ParseStream<'_>) -> Result<LitInt> {
    if input.peek(LitInt) {
        return input.parse();
    }
    Err(input.error(
        "this is not a number: write a number without quotes, such as `2`. The macro does not see the value of a constant",
    ))
}

/// Reads `= path` of a function.
pub(crate) fn function(meta: &ParseNestedMeta<'_>) -> Result<Path> {
    let input = meta.value()?;
    if input.peek(LitStr) {
        return Err(input.error("this is text: write the path of the function without quotes"));
    }
    input.parse()
}

/// Reads `= N`.
pub(crate) fn number(meta: &ParseNestedMeta<'_>) -> Result<Numbered> {
    let literal = int(meta.value()?)?;
    Ok(Numbered {
        value: literal.base10_parse()?,
        span: literal.span(),
    })
}

/// Reads a name that is unambiguous in the text of a layout and in JSON.
pub(crate) fn wire_name(meta: &ParseNestedMeta<'_>) -> Result<LitStr> {
    let literal: LitStr = meta.value()?.parse()?;
    let name = literal.value();
    if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || "_-./".contains(c)) {
        return Err(Error::new(
            literal.span(),
            "a wire name consists of letters, digits, `_`, `-`, `.` and `/`, and is not empty",
        ));
    }
    Ok(literal)
}

/// Reads a unit: text that stands behind a number on one line.
pub(crate) fn unit(meta: &ParseNestedMeta<'_>) -> Result<LitStr> {
    let literal: LitStr = meta.value()?.parse()?;
    let unit = literal.value();
    let is_plain = |c: char| c.is_alphanumeric() || c.is_ascii_graphic() || " °·²³".contains(c);
    if unit.is_empty() || unit.len() > 32 || unit.trim() != unit || !unit.chars().all(is_plain) {
        return Err(Error::new(
            literal.span(),
            "a unit is a short text behind a number, such as `ns` or `1/min`: 1 to 32 bytes, and no spaces around it",
        ));
    }
    Ok(literal)
}

/// Fills `slot`, which an annotation may do once.
pub(crate) fn set<T>(slot: &mut Option<T>, meta: &ParseNestedMeta<'_>, value: T) -> Result<()> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(meta.error("this annotation is given twice")),
    }
}

/// Returns the error for an annotation that does not exist.
pub(crate) fn unknown(meta: &ParseNestedMeta<'_>, known: &str) -> Error {
    let word = meta
        .path
        .get_ident()
        .map_or_else(|| "this".to_owned(), |word| format!("`{word}`"));
    meta.error(format!("{word} is no annotation: the annotations are {known}"))
}

/// Returns the place of an annotation.
pub(crate) fn span_of(path: &Path) -> Span {
    path.segments
        .first()
        .map_or_else(Span::call_site, |segment| segment.ident.span())
}

/// Returns the span of what the user wrote, for code with variables of the expansion: what a macro by example was given
/// sees none of them.
pub(crate) fn at(place: Span) -> Span {
    Span::call_site().located_at(place)
}

/// Reads `= N`, or `= [N, M]` for a change that several branches made.
pub(crate) fn boundary(meta: &ParseNestedMeta<'_>) -> Result<Boundary> {
    let input = meta.value()?;
    if !input.peek(token::Bracket) {
        let literal = int(input)?;
        return Ok(Boundary {
            versions: vec![literal.base10_parse()?],
            span: literal.span(),
        });
    }
    let list;
    let bracket = bracketed!(list in input);
    let given = list.parse_terminated(int, Token![,])?;
    let versions = given.iter().map(LitInt::base10_parse).collect::<Result<Vec<u16>>>()?;
    if versions.is_empty() {
        return Err(Error::new(
            bracket.span.join(),
            "the list is empty: name the first version with the change on each branch, as in `[4, 5]`",
        ));
    }
    Ok(Boundary {
        versions,
        span: bracket.span.join(),
    })
}
