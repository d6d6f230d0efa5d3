//! Exports whose cost grows with their bytes and no faster: what a check says of each that does.

use std::collections::BTreeMap;

use crate::measure::Measured;

/// How much more a byte of a larger export may take, in per cent. From a megabyte on the checksum is computed block by
/// block, which takes up to 14 per cent more instructions, and less time; anything that grows with the logarithm of the number of
/// items would take a third more.
const TOLERANCE: f64 = 15.0;

/// Compares the instructions for each byte between exports that differ in the number of their items alone.
pub fn failures(measured: &[Measured]) -> Vec<String> {
    // Bytes and instructions for each, by group, row, and what the items are.
    let mut series = BTreeMap::<_, Vec<(usize, f64)>>::new();
    for one in measured.iter().filter(|one| one.is_ours()) {
        let (Some(content), Some(instructions), Some((_, of))) =
            (one.content, one.instructions, one.column.split_once(' '))
        else {
            continue;
        };
        let sizes = series.entry((one.group, one.row, of)).or_default();
        sizes.push((content, instructions as f64 / content as f64));
    }
    let mut failures = Vec::new();
    for ((group, row, of), mut sizes) in series {
        sizes.sort_by_key(|(content, _)| *content);
        for pair in sizes.windows(2) {
            if let [(less, each_of_less), (more, each_of_more)] = pair
                && *each_of_more > each_of_less * (1.0 + TOLERANCE / 100.0)
            {
                failures.push(format!(
                    "{group}/{row}, {of}: {each_of_less:.3} instructions a byte of {less} become {each_of_more:.3} of {more}"
                ));
            }
        }
    }
    failures
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::Case;

    fn export(items: usize, instructions: u64) -> Measured {
        let column = format!("{items} items");
        let case = Case::new("key-value export", "devstate + crc-fast", column, || ());
        let mut one = Measured::from(case.with_content(items * 100));
        one.instructions = Some(instructions);
        one
    }

    #[test]
    fn a_fixed_cost_and_one_for_each_byte_pass_and_one_that_grows_faster_fails() {
        let of = |cost: fn(u64) -> u64| failures(&[10, 1_000, 10_000].map(|items| export(items, cost(items as u64))));
        assert_eq!(of(|items| 1_000 + 80 * items).len(), 0);
        assert_eq!(of(|items| 1_000 + 80 * items + items * items / 10).len(), 1);
        assert_eq!(of(|items| 80 * items * u64::from(items.ilog2())).len(), 2);
    }
}
