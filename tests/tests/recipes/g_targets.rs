//! Share a table between targets.

#[cfg(target_arch = "x86_64")]
use devstate_i8042_ser::I8042StateSer;
#[cfg(target_arch = "aarch64")]
use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_serial_16550_ser::SerialStateSer;
use devstate_versioning::release_table;

// <recipe>
release_table! {
    pub enum Release {
        V1 = 1 @ {
            #[cfg(target_arch = "x86_64")] 0x055b_35cc_89bb_df25,
            #[cfg(target_arch = "aarch64")] 0xeeaa_d224_6e88_b697,
        },
        V2 = 2 @ open,
    }
    SerialStateSer => [2, 2],
    #[cfg(target_arch = "x86_64")]
    I8042StateSer => [2, 2],
    #[cfg(target_arch = "aarch64")]
    RtcStateSer => [2, 2],
}
// </recipe>

/// The same table as the other target sees it, whichever this is.
pub mod other_target {
    use devstate_versioning::release_table;

    release_table! {
        pub enum Release {
            V1 = 1 @ {
                #[cfg(not(target_arch = "x86_64"))] 0x055b_35cc_89bb_df25,
                #[cfg(target_arch = "x86_64")] 0xeeaa_d224_6e88_b697,
            },
            V2 = 2 @ open,
        }
        devstate_serial_16550_ser::SerialStateSer => [2, 2],
        #[cfg(not(target_arch = "x86_64"))]
        devstate_i8042_ser::I8042StateSer => [2, 2],
        #[cfg(target_arch = "x86_64")]
        devstate_rtc_pl031_ser::RtcStateSer => [2, 2],
    }
}
