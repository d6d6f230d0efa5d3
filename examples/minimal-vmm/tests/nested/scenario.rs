//! What is tried on both architectures: a guest that counts goes from process to process without missing a number.

use anyhow::{Result, ensure};

use super::guest::{Guest, SAVED};
use super::journey::Journey;

pub(crate) fn heading(text: &str) {
    println!("== {text}");
}

/// It answers before and after.
pub(crate) fn survives(guest: &mut Guest<'_>, journey: Journey) -> Result<()> {
    heading(&journey.to_string());
    guest.hears("hello")?;
    guest.goes(journey, "", "")?;
    guest.hears("and hello again")
}

/// What is typed while the machine is on its way arrives, whole and once.
pub(crate) fn loses_no_input(guest: &mut Guest<'_>, journey: Journey) -> Result<()> {
    heading(&format!("a burst of input while it is {journey}"));
    // So long that the guest is in the middle of it when it is made to stand still.
    let words: Vec<String> = (0..400).map(|number| format!("{number:04}.")).collect();
    let text = words.concat();
    let (before, rest) = text.split_at(1800);
    let (meanwhile, after) = rest.split_at(100);
    guest.types(before)?;
    guest.goes(journey, "", meanwhile)?;
    guest.types(&format!("{after}\n"))?;
    guest.answers(&text)
}

/// A release that cannot say everything is refused and names `fields`, among others. The guest goes on.
pub(crate) fn refuses_an_old_release(guest: &mut Guest<'_>, fields: &[&str]) -> Result<()> {
    heading("not saved at release 1 without being told to");
    let losses = guest.losses()?;
    names_all(&losses, fields)?;
    guest.counts_on()
}

/// Some fields are among those that are named as lost.
pub(crate) fn names_all(losses: &[String], fields: &[&str]) -> Result<()> {
    for field in fields {
        ensure!(
            losses.iter().any(|loss| loss.split('[').next() == Some(field)),
            "`{field}` is not named as lost"
        );
    }
    Ok(())
}

/// The guest switches itself off, and from where it was before that it resets itself.
pub(crate) fn ends(guest: &mut Guest<'_>) -> Result<()> {
    heading("switched off, and reset");
    guest.ask(&format!("--save {SAVED}"))?;
    // What it said before it stood still has been heard then: on a busy machine it had counted on.
    guest.counts_on()?;
    guest.types("run poweroff -f\n")?;
    guest.ended("the guest switched off")?;
    guest.goes_back(SAVED)?;
    guest.types("run reboot -f\n")?;
    guest.ended("the guest reset the machine")
}
