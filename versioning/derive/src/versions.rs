//! Code for the versions of a field or a variant.

use proc_macro2::TokenStream;
use quote::quote;

use crate::attributes::ItemAttributes;

impl ItemAttributes {
    /// Returns `true` for a version that has the item.
    pub(crate) fn has(&self, version: u16) -> bool {
        version >= self.start && self.end.is_none_or(|end| version < end)
    }

    /// Returns the condition that `__devstate_version` has the item. `None` if all versions have it.
    pub(crate) fn condition(&self) -> Option<TokenStream> {
        let start = self.start;
        match (start, self.end) {
            (1, None) => None,
            (_, None) => Some(quote!(__devstate_version >= #start)),
            (1, Some(end)) => Some(quote!(__devstate_version < #end)),
            (_, Some(end)) => Some(quote!(__devstate_version >= #start && __devstate_version < #end)),
        }
    }

    /// Returns `body`, run for the versions that have the item.
    pub(crate) fn when(&self, body: TokenStream) -> TokenStream {
        match self.condition() {
            Some(condition) => quote!(if #condition { #body }),
            None => body,
        }
    }

    /// Returns the `Versions` of the item in the schema.
    pub(crate) fn versions(&self) -> TokenStream {
        let start = self.start;
        let end = match self.end {
            Some(end) => quote!(::core::option::Option::Some(#end)),
            None => quote!(::core::option::Option::None),
        };
        quote!(__devstate::schema::Versions { start: #start, end: #end })
    }
}
