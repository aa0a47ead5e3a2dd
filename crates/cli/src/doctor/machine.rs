//! The machine: versions, large pages, swap.

use super::finding::Finding;
use std::{fs, process::Command};

/// What this broker is and runs on.
pub fn versions() -> Vec<Finding> {
    let kernel = read("/proc/sys/kernel/osrelease");
    let library = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok();
    let library = library.filter(|output| output.status.success());
    let library = library.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let parts = [
        Some(format!("broker {}", env!("CARGO_PKG_VERSION"))),
        kernel.map(|version| format!("Linux {version}")),
        library,
        Some(std::env::consts::ARCH.to_owned()),
    ];
    vec![Finding::ok("versions", parts.into_iter().flatten().collect::<Vec<_>>().join(", "))]
}

/// What makes memory larger or slower than it was counted.
pub fn pages_and_swap() -> Vec<Finding> {
    let pages = read("/sys/kernel/mm/transparent_hugepage/enabled").map(|text| pages(&text));
    let swap = read("/proc/swaps").map(|text| swap(&text));
    pages.into_iter().chain(swap).collect()
}

fn pages(enabled: &str) -> Finding {
    if enabled.contains("[always]") {
        return Finding::warn(
            "large pages",
            "the kernel makes them unasked, so the process may take more memory than its limits say",
            "set /sys/kernel/mm/transparent_hugepage/enabled to madvise",
        );
    }
    Finding::ok("large pages", "the kernel makes them only where it is asked to")
}

fn swap(swaps: &str) -> Finding {
    if swaps.lines().count() > 1 {
        return Finding::warn(
            "swap",
            "it is on: a broker that is swapped out pauses",
            "keep the broker out of it (MemorySwapMax=0 of the service), or lower vm.swappiness",
        );
    }
    Finding::ok("swap", "there is none")
}

fn read(path: &str) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Level;

    #[test]
    fn large_pages_and_swap_are_warned_of() {
        assert_eq!(pages("[always] madvise never").level, Level::Warn);
        assert_eq!(pages("always [madvise] never").level, Level::Ok);
        assert_eq!(swap("Filename Type Size Used Priority").level, Level::Ok);
        assert_eq!(swap("Filename Type\n/swap file").level, Level::Warn);
    }

    #[test]
    fn this_broker_and_this_kernel_are_named() {
        let text = &versions()[0].finding;
        assert!(text.contains(env!("CARGO_PKG_VERSION")) && text.contains("Linux "), "{text}");
    }
}
