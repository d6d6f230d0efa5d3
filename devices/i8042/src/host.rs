//! The host's side of keyboard and mouse.

use devstate_core::InterruptLine;

use crate::control::SystemControl;
use crate::device::I8042;
use crate::events::I8042Events;
use crate::key::Key;
use crate::mouse_input::MouseInput;
use crate::scan_codes::ScanCodes;

impl<K: InterruptLine, M: InterruptLine, S: SystemControl, EV: I8042Events> I8042<K, M, S, EV> {
    /// Presses a key (or repeats it, if it is down), or releases it.
    ///
    /// Returns `false` if the keyboard's buffer is full: the state of the key is unchanged, and the guest will read an
    /// overrun code. Repeat the call after [`keyboard_emptied`](I8042Events::keyboard_emptied). Otherwise the guest misses
    /// the press or the release.
    ///
    /// A key that sends nothing is not lost, and the call returns `true`: scanning is disabled, the scan-code set has no
    /// code for the key, or the key repeats while the keyboard cannot send.
    pub fn key(&mut self, key: Key, pressed: bool) -> bool {
        let taken = self.state.keyboard.key(key, pressed, self.state.link(), &self.events);
        self.settle();
        taken
    }

    /// Releases all keys that are down. Returns `false` if the keyboard's buffer is full and some are still down: call it
    /// again after [`keyboard_emptied`](I8042Events::keyboard_emptied).
    ///
    /// Call it when the host's window loses the focus. Call it after a restore too: keys that were down when the state was saved
    /// are still down, and the host never sees their release. Mouse buttons are released by [`mouse`](Self::mouse) with
    /// [`MouseInput::NONE`].
    pub fn release_all(&mut self) -> bool {
        let link = self.state.link();
        let mut all = true;
        for key in Key::ALL {
            if self.state.keyboard.held.contains(*key) {
                all &= self.state.keyboard.release(*key, link);
            }
        }
        self.settle();
        all
    }

    /// Presses or releases a key, and queues `codes`, which another keyboard sent for it, before translation.
    ///
    /// Use it if the host has scan codes: a trace of another model, or a real keyboard that is passed through. Codes
    /// that do not fit are dropped, and the call returns `false`. No overrun code follows, because the other keyboard
    /// would have to send it.
    pub fn key_as_sent(&mut self, key: Key, pressed: bool, codes: &[u8]) -> bool {
        let translated = self.state.translates();
        let taken = self.state.keyboard.key_as_sent(key, pressed, codes, translated);
        if !taken {
            self.events.key_lost(key, pressed);
        }
        self.settle();
        taken
    }

    /// Returns the codes that the keyboard would send, before translation, if this key went down or up now.
    #[must_use]
    pub fn scan_codes(&self, key: Key, pressed: bool) -> ScanCodes {
        self.state
            .keyboard
            .codes_of(key, pressed, !self.state.keyboard_enabled())
    }

    /// Moves the mouse, turns its wheels, and sets the buttons that are down.
    ///
    /// In stream mode the mouse reports at once, in the number of packets that the movement needs. A packet reports up
    /// to 127 counts and 6 wheel steps. Returns `false` if the queue is full before everything is reported. The rest is
    /// kept, and later input is added to it. Call [`report_mouse`](Self::report_mouse) after
    /// [`mouse_emptied`](I8042Events::mouse_emptied) to report it. In remote mode, in wrap mode and while reporting is
    /// disabled, the mouse only counts.
    pub fn mouse(&mut self, input: &MouseInput) -> bool {
        self.state.mouse.count(input, &self.events);
        self.report_mouse()
    }

    /// Like [`mouse`](Self::mouse), but the mouse only counts the input, even in stream mode. The next packet reports
    /// it.
    pub fn count_mouse(&mut self, input: &MouseInput) {
        self.state.mouse.count(input, &self.events);
    }

    /// Reports the counted input that is not reported yet, as [`mouse`](Self::mouse) does.
    pub fn report_mouse(&mut self) -> bool {
        let reported = self.state.mouse.report(&self.events);
        self.settle();
        reported
    }

    /// Queues exactly one packet with this content, in the protocol in use and in any mode. Returns `false` if the
    /// queue is full. Movement beyond 127 counts (or 6 steps of the wheel, 31 of the horizontal wheel) is cut off.
    /// Earlier input that is not reported yet is dropped.
    ///
    /// Use it if the host has packets: a trace of another model, or a real mouse that is passed through.
    pub fn mouse_packet(&mut self, packet: &MouseInput) -> bool {
        let queued = self.state.mouse.queue_packet(packet, &self.events);
        self.settle();
        queued
    }
}
