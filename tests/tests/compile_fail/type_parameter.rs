//! A mirror has a type parameter.
use devstate_versioning::Versioned;

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(open))]
pub struct TimerSer<T> {
    pub count: T,
}

fn main() {}
