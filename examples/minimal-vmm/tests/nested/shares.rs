//! The devices' share of the time that a save takes, which is to be below one per cent.

use anyhow::{Context, Result, ensure};

/// Of every save of a run, in per cent.
#[derive(Debug, Default)]
pub(crate) struct DeviceShares {
    per_cent: Vec<f64>,
}

impl DeviceShares {
    /// Takes it from what a VMM reports about saves; what it says besides is passed over.
    pub(crate) fn note(&mut self, reports: &str) -> Result<()> {
        for line in reports.lines() {
            let line = line.strip_prefix("minimal-vmm: ").unwrap_or(line);
            if line.starts_with("saved at ") || line.starts_with("sent at ") {
                let share = share_in(line).with_context(|| format!("no devices' share in `{line}`"))?;
                self.per_cent.push(share);
            }
        }
        Ok(())
    }

    /// Holds the median to one per cent. A single save may look worse on a machine that was busy elsewhere for one of
    /// the few milliseconds that the devices take.
    pub(crate) fn check(&self) -> Result<()> {
        let mut sorted = self.per_cent.clone();
        sorted.sort_by(f64::total_cmp);
        let median = *sorted.get(sorted.len() / 2).context("nothing was saved")?;
        let worst = *sorted.last().context("nothing was saved")?;
        println!(
            "   of {} saves the devices took {median:.2} % in the middle and {worst:.2} % at worst",
            sorted.len()
        );
        ensure!(
            median < 1.0,
            "the devices take {median:.2} % of a save, and should take less than 1 %"
        );
        Ok(())
    }
}

/// As in `… devices 2.665 ms (0.12 %); lost: …`.
fn share_in(report: &str) -> Option<f64> {
    let (_, devices) = report.split_once(" devices ")?;
    let (share, _) = devices.split_once(" (")?.1.split_once(" %)")?;
    share.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(per_cent: &[&str]) -> Result<DeviceShares> {
        let mut shares = DeviceShares::default();
        for share in per_cent {
            shares.note(&format!(
                "paused\nsaved at release 1 in 2.0 ms: memory 1.0 ms, kernel 1.0 ms, devices 0.001 ms ({share} %); lost: serial.x"
            ))?;
        }
        Ok(shares)
    }

    #[test]
    fn the_median_is_held_to_one_per_cent() -> Result<()> {
        assert!(shares(&["0.10", "9.00", "0.20"])?.check().is_ok());
        assert!(shares(&["1.10", "9.00", "0.20"])?.check().is_err());
        assert!(shares(&[])?.check().is_err());
        assert!(shares(&["?"]).is_err());
        Ok(())
    }
}
