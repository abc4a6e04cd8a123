//! Consent before much is deleted, with the numbers.

use crate::args_gc::GcArgs;
use crate::errors::Failure;
use crate::open::App;
use crate::words::tr;
use crate::{ask, sizes};
use datakeep_store::CollectPlan;
use std::io::IsTerminal;

/// Less than this may be deleted without an explicit word, whatever its share: small repositories are no nuisance.
const FLOOR_BYTES: u64 = 64 << 20;

/// What must be said before a plan is applied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Demand {
    Nothing,
    /// A yes, asked for or given as `--yes`.
    Yes,
    /// More goes than `--max-delete` allows: `--yes` is not enough.
    Share,
}

/// The share of the stored bytes that a plan deletes, in percent, rounded up.
pub fn percent(plan: &CollectPlan) -> u64 {
    share(plan.deleted_bytes(), plan.total_bytes)
}

fn share(deleted_bytes: u64, total_bytes: u64) -> u64 {
    let percent = (u128::from(deleted_bytes) * 100).div_ceil(u128::from(total_bytes.max(1)));
    u64::try_from(percent).unwrap_or(u64::MAX)
}

fn demand((deleted_bytes, total_bytes): (u64, u64), max_delete_percent: u32, yes: bool) -> Demand {
    let is_beyond = |percent: u32| u128::from(deleted_bytes) * 100 > u128::from(total_bytes) * u128::from(percent);
    if deleted_bytes > FLOOR_BYTES && is_beyond(max_delete_percent) {
        Demand::Share
    } else if !yes && is_beyond(50) {
        Demand::Yes
    } else {
        Demand::Nothing
    }
}

/// Asks for what the plan demands, or tells how it is given.
pub fn consent(app: &App, plan: &CollectPlan, args: &GcArgs) -> Result<(), Failure> {
    let (share, most) = (percent(plan), args.max_delete);
    let numbers = numbers(plan);
    match demand((plan.deleted_bytes(), plan.total_bytes), most, args.yes) {
        Demand::Nothing => Ok(()),
        Demand::Yes if !std::io::stdin().is_terminal() => {
            let message = tr!("this would delete {numbers}", "将删除 {numbers}");
            let hint = tr!("look with --dry-run, then agree with --yes", "先用 --dry-run 查看，再用 --yes 确认");
            Err(Failure::usage(message).hint(hint))
        }
        Demand::Yes => ask::consent(&app.out, &tr!("delete {numbers}? [y/N]", "删除 {numbers}？[y/N]")),
        Demand::Share if !std::io::stdin().is_terminal() => {
            let message = tr!("this would delete {numbers}: more than {most} %", "将删除 {numbers}：超过 {most} %");
            Err(Failure::usage(message).hint(tr!(
                "look with --dry-run at why; if it is right: --yes --max-delete {share}",
                "请先用 --dry-run 查看原因；确认无误后使用 --yes --max-delete {share}"
            )))
        }
        Demand::Share => {
            let question = tr!(
                "delete {numbers}? That is more than {most} % (--max-delete): type the share ({share}) to go on:",
                "删除 {numbers}？超过了 {most} %（--max-delete）：请输入该百分比（{share}）以继续："
            );
            ask::typed(&app.out, &question, &share.to_string())
        }
    }
}

fn numbers(plan: &CollectPlan) -> String {
    let (deleted, all) = (sizes::bytes(plan.deleted_bytes()), sizes::bytes(plan.total_bytes));
    let (share, freed, snapshots) = (percent(plan), sizes::bytes(plan.freed_bytes()), sizes::count(plan.snapshots));
    tr!(
        "{deleted} of {all} ({share} %; about {freed} comes free, the rest is written anew; snapshots that stay: {snapshots})",
        "{all} 中的 {deleted}（{share} %；约释放 {freed}，其余重写；保留 {snapshots} 个备份集）"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn yes_is_not_enough_beyond_the_share() {
        for (deleted_mib, total_mib, most, yes, expected) in [
            (10, 100, 50, false, Demand::Nothing),
            (60, 100, 50, false, Demand::Yes),
            (60, 100, 50, true, Demand::Nothing),
            (64, 64, 50, true, Demand::Nothing),
            (65, 100, 50, true, Demand::Share),
            (65, 100, 50, false, Demand::Share),
            (65, 100, 65, true, Demand::Nothing),
            (65, 100, 65, false, Demand::Yes),
            (100, 100, 100, true, Demand::Nothing),
            (100, 100, 100, false, Demand::Yes),
            (70, 1000, 5, true, Demand::Share),
            (0, 0, 50, false, Demand::Nothing),
        ] {
            let found = demand((deleted_mib * MIB, total_mib * MIB), most, yes);
            assert_eq!(found, expected, "{deleted_mib} of {total_mib}, {most} %, {yes}");
        }
    }

    #[test]
    fn the_share_that_is_printed_is_enough() {
        for (deleted, total) in [(65 * MIB + 1, 100 * MIB), (999_999_999, 1_000_000_000), (u64::MAX, u64::MAX)] {
            let share = share(deleted, total);
            assert!(share <= 100);
            assert_eq!(demand((deleted, total), u32::try_from(share).unwrap_or(0), true), Demand::Nothing);
        }
    }
}
