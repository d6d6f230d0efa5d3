//! No identifier of an expansion means an item of the module that the macro stands in.
//!
//! `hygiene/identifiers.rs` lists the identifiers of every expansion. A test of the derive crate holds it to the
//! expansion of `hygiene/mirrors.rs`. Here each identifier is a constant, a static, a function, a macro, a type and a
//! method of every type.

#![allow(dead_code, nonstandard_style, unused_macros, reason = "hostile names")]
#![allow(clippy::unwrap_used, clippy::all, clippy::pedantic, reason = "a test")]

macro_rules! hostile {
    ($($name:ident)*) => {
        mod constants {
            $(pub(crate) const $name: u8 = 0;)*
            ::core::include!("mirrors.rs");
        }

        mod statics {
            $(pub(crate) static $name: u8 = 0;)*
            ::core::include!("mirrors.rs");
        }

        mod functions {
            $(pub(crate) fn $name() {})*
            ::core::include!("mirrors.rs");
        }

        mod macros {
            $(macro_rules! $name { () => { compile_error!("a macro of the user's") }; })*
            ::core::include!("mirrors.rs");
        }

        mod types {
            $(pub(crate) struct $name;)*
            ::core::include!("mirrors.rs");
        }

        mod methods {
            pub(crate) trait Hostile {
                $(fn $name(&self) { panic!("a method of the user's") })*
            }

            impl<T: ?Sized> Hostile for T {}
            ::core::include!("mirrors.rs");
        }

        mod methods_by_value {
            pub(crate) trait Hostile: Sized {
                $(fn $name(self) { panic!("a method of the user's") })*
            }

            impl<T> Hostile for T {}
            ::core::include!("mirrors.rs");
        }
    };
}

include!("hygiene/identifiers.rs");

#[test]
fn every_identifier_may_be_a_constant() {
    constants::my_check();
}

#[test]
fn every_identifier_may_be_a_static() {
    statics::my_check();
}

#[test]
fn every_identifier_may_be_a_function() {
    functions::my_check();
}

#[test]
fn every_identifier_may_be_a_macro() {
    macros::my_check();
}

#[test]
fn every_identifier_may_be_a_type() {
    types::my_check();
}

#[test]
fn every_identifier_may_be_a_method_of_every_type() {
    methods::my_check();
    methods_by_value::my_check();
}

/// The names of the mirror's functions and values are the user's own.
mod named_like_the_expansion {
    use devstate_versioning::{ConversionError, ReleaseTable, Versioned, release_table};

    const bytes: &[u8] = &[0; 4];
    const refused: ConversionError = ConversionError::new("no such speed");
    const len: usize = 2;

    #[derive(Versioned, Clone, Debug, Default, PartialEq)]
    #[versioned(version = 2, layouts(0x2bc7_6041_ab11_c363, open))]
    struct MotorSer {
        speed: u32,
        levels: [u8; len],
        #[versioned(serde, max = len + 6, layout = "pair/1")]
        pair: (u8, u8),
        #[versioned(start = 2, default_fn = version, ser_fn = release)]
        version: u16,
        #[versioned(start = 2, default_fn = refuse_at)]
        release: u16,
    }

    fn version(version: u16) -> u16 {
        version
    }

    fn refuse_at(_version: u16) -> u16 {
        9
    }

    /// Refuses with the constant's own reason.
    fn release(motor: &mut MotorSer, _version: u16) -> Result<(), ConversionError> {
        if motor.speed > 100 { Err(refused) } else { Ok(()) }
    }

    release_table! {
        enum Release { V1 = 1 @ 0x2bc7_6041_ab11_c363, V2 = 2 @ open }
        MotorSer => [1, 2],
    }

    #[test]
    fn a_mirror_is_loaded_although_a_constant_is_called_bytes() {
        let saved = MotorSer {
            speed: 7,
            levels: [1, 2],
            pair: (3, 4),
            version: 5,
            release: 6,
        };
        let mut memory = devstate_versioning::buffer!(MotorSer);
        let snapshot = Release::save(&saved, &mut memory).unwrap();
        let mut loaded = MotorSer::default();
        assert_eq!(Release::load(snapshot, &mut loaded), Ok(Release::V2));
        assert_eq!(loaded, saved);
        assert_eq!(bytes.len(), 4);
    }

    #[test]
    fn a_refusal_is_reported_beside_a_constant_that_is_called_refused() {
        let saved = MotorSer {
            speed: 101,
            version: 1,
            release: 9,
            ..MotorSer::default()
        };
        let error = Release::V1.downgrade(&saved, &mut saved.clone()).unwrap_err();
        assert!(error.to_string().contains("no such speed"), "{error}");
    }
}
