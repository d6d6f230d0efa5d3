#![doc = include_str!("../README.md")]
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod error;
mod layout;
mod loss;
mod reader;
mod section;
mod writer;

pub use error::{SectionError, SectionProblem};
pub use layout::{Field, Layout};
pub use loss::{Loss, Losses, Refused};
pub use reader::Reader;
pub use section::{Section, Value};
pub use writer::Writer;
