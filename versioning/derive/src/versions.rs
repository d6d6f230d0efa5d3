//! The changes of a field or a variant as data for the schema.

use proc_macro2::TokenStream;
use quote::quote;

use crate::attributes::{ItemAttributes, Kind};

impl ItemAttributes {
    /// Returns the changes, for the wire name of the field or variant.
    pub(crate) fn change_schemas(&self, name: &str) -> Vec<TokenStream> {
        let changes = self.changes.iter().map(|(kind, change)| {
            let kind = match kind {
                Kind::Start => quote!(Start),
                Kind::End => quote!(End),
                Kind::Meaning => quote!(Meaning),
                Kind::Bound => quote!(Bound),
            };
            let versions = &change.versions;
            quote! {
                __devstate::schema::Change {
                    name: #name,
                    what: __devstate::schema::ChangeKind::#kind,
                    versions: &[#(#versions),*],
                }
            }
        });
        changes.collect()
    }
}
