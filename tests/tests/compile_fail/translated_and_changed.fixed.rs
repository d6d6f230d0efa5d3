use devstate_versioning::{ReleaseTable, Versioned, release_table};

#[derive(Versioned, Clone, Default)]
#[versioned(version = 2, layouts(0xbf16_3a3d_d791_3fbe, open))]
pub struct TimerSer {
    pub count: u32,
    #[versioned(start = 2)]
    pub prescaler: u8,
}

release_table! {
    pub enum Release { V1_0 = 1 @ 0xbf16_3a3d_d791_3fbe, V1_1 = 2 @ open }
    TimerSer => [1, 2],
}

fn main() {
    let timer = TimerSer { count: 7, prescaler: 0 };
    let mut scratch = TimerSer::default();
    let older = Release::V1_0.downgrade(&timer, &mut scratch).unwrap();
    let _ = older.save(&mut [0; 64]);
    scratch.prescaler = 3;
    assert_eq!(scratch.prescaler, 3);
}
