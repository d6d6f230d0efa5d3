//! What is known of packets before they are received.

use super::*;

#[test]
fn a_packet_with_descriptors_is_known_before_it_is_received() {
    let (here, there) = pair();
    let (_, writer) = pipe().unwrap();
    send_raw(&there, &[], &[writer.as_fd()]);
    there
        .send(&Message::Number(1), &[writer.as_fd(); MAX_DESCRIPTORS])
        .unwrap();
    there.send(&Message::Number(2), &[]).unwrap();
    for (number, descriptors) in [(0, 1), (1, MAX_DESCRIPTORS), (2, 0)] {
        assert_eq!(here.has_descriptors().unwrap(), descriptors > 0);
        let received = here.receive::<Message>();
        assert_eq!(received.descriptors.len(), descriptors);
        assert!(number == 0 || received.message.unwrap() == Message::Number(number));
    }
    here.set_patience(Duration::from_millis(50)).unwrap();
    assert!(matches!(here.has_descriptors(), Err(PacketError::Late)));
    drop(there);
    assert!(!here.has_descriptors().unwrap());
    assert!(matches!(here.receive::<Message>().message, Err(PacketError::Closed)));
}

#[test]
fn a_connection_without_packets_is_known_to_be_empty() {
    let (_, writer) = pipe().unwrap();
    let one = &[writer.as_fd()][..];
    for (bytes, descriptors) in [(&[1][..], one), (&[1], &[]), (&[], one), (&[], &[])] {
        for is_gone in [false, true] {
            let (here, there) = pair();
            send_raw(&there, bytes, descriptors);
            let there = (!is_gone).then_some(there);
            assert!(!here.is_emptied(), "{bytes:?} {descriptors:?} {is_gone}");
            drop(there);
        }
    }
    let (here, there) = pair();
    assert!(here.is_emptied());
    // It takes no packet any more.
    assert!(matches!(there.send(&1_u8, one), Err(PacketError::Closed)));
    let (here, there) = pair();
    drop(there);
    assert!(here.is_emptied());
    // The other side has not read everything.
    let (here, there) = pair();
    here.send(&1_u8, &[]).unwrap();
    drop(there);
    assert!(here.is_emptied());
    // Neither has this one, and the last packet has a descriptor.
    let (here, there) = pair();
    here.send(&1_u8, &[]).unwrap();
    send_raw(&there, &[], one);
    drop(there);
    assert!(!here.is_emptied());
}
