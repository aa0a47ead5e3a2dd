//! The contract of a store, case by case: one named test for each case and store. A new promise adds a
//! case, which every store then keeps.

pub mod appends;
pub mod concurrency;
pub mod contents;
pub mod expiry;
pub mod faults;
pub mod ids;
pub mod lives;
pub mod pages;
pub mod purge;
pub mod reclaim;
pub mod subjects;
pub mod tallies;
pub mod times;

use std::time::Duration;

/// A case that takes longer than this hangs.
pub async fn in_time(case: impl Future<Output = ()>) {
    let limit = Duration::from_secs(120);
    tokio::time::timeout(limit, case).await.expect("the case comes to an end");
}

/// One test for each case of each group, over the store that the expression makes.
macro_rules! stamp {
    ($store:expr; $($group:ident { $($case:ident),* $(,)? })*) => {
        $(mod $group {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let bench = support::Bench::new($store);
                crate::conformance::in_time(crate::conformance::$group::$case(bench)).await;
            })*
        })*
    };
}

/// One test for each case about failures, over the store that the expression makes.
macro_rules! stamp_faults {
    ($store:expr; $($case:ident),* $(,)?) => {
        mod faults {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let script = std::sync::Arc::new(broker_storage::faulty::Script::default());
                let bench = support::Bench::new(support::scripted($store, script.clone()));
                crate::conformance::in_time(crate::conformance::faults::$case(bench, script)).await;
            })*
        }
    };
}

/// All cases over one store.
macro_rules! suite {
    ($name:ident, $store:expr) => {
        mod $name {
            use crate::support;
            stamp! { $store;
                contents {
                    every_field_comes_back,
                    times_come_back_to_the_nanosecond,
                    empty_bodies_come_back,
                    every_byte_comes_back,
                    the_largest_bodies_come_back,
                    headers_come_back,
                }
                ids {
                    a_subject_that_never_was_has_no_last_id,
                    each_subject_has_ids_of_its_own,
                    ids_come_in_any_order_over_several_appends,
                    ids_may_be_large_and_far_apart,
                    what_is_absent_is_none_below_and_above_the_last_id,
                    the_last_id_stays_when_everything_expired,
                    the_last_id_stays_when_everything_is_purged,
                    the_last_id_stays_over_many_lives,
                }
                appends {
                    an_empty_batch_is_answered,
                    keeping_again_changes_nothing,
                    keeping_again_after_another_append_changes_nothing,
                    keeping_again_with_others_keeps_the_others,
                    a_kept_message_is_not_overwritten,
                    a_large_batch_of_empty_messages_is_kept,
                    a_batch_of_many_subjects_is_kept,
                    an_append_begins_at_the_call,
                    an_append_that_nobody_waits_for_is_kept,
                    closing_waits_for_appends_that_nobody_waits_for,
                    overlapping_appends_are_all_kept,
                    an_append_is_read_from_its_answer_on,
                }
                expiry {
                    a_store_looks_at_no_clock,
                    expiry_is_kept_to_the_nanosecond,
                    what_expires_later_stays_at_the_boundary,
                    expired_purged_and_never_published_are_told_apart,
                }
                pages {
                    every_limit_reads_all,
                    a_message_above_the_limit_comes_alone,
                    headers_and_subjects_count,
                    a_page_begins_above_the_id,
                    a_page_of_nothing_has_no_next,
                    neighbours_are_not_read,
                    mixed_lifetimes_are_read_over_reclaims,
                    pages_go_on_while_space_is_given_back,
                    pages_go_on_over_new_messages,
                }
                subjects {
                    hostile_names_are_subjects_of_their_own,
                    hostile_names_are_listed_by_their_bytes,
                    hostile_names_are_purged_alone,
                    a_listing_begins_above_a_name,
                    a_listing_begins_with_a_name,
                    listings_of_purged_and_living_subjects_go_on,
                    subjects_without_messages_stay_listed,
                    many_subjects_are_listed,
                }
                tallies {
                    messages_bytes_and_the_next_expiry_are_counted,
                    only_ids_of_the_range_are_counted,
                    what_has_expired_does_not_count,
                    reclaiming_changes_no_count,
                    what_is_purged_does_not_count,
                    a_subject_without_messages_counts_nothing,
                    what_is_kept_again_counts_once,
                    a_subject_over_many_segments_is_counted_whole,
                    many_ranges_are_answered_in_their_order,
                    no_range_is_no_answer,
                    appends_and_reclaims_go_on_while_it_is_counted,
                }
                purge {
                    a_purge_removes_up_to_and_including_the_id,
                    a_purge_of_all_leaves_the_last_id,
                    a_purge_above_the_last_id_hides_nothing_that_comes,
                    a_purge_up_to_the_largest_id_is_a_purge_of_all,
                    a_purge_of_a_subject_that_never_was_makes_none,
                    a_purged_subject_goes_on,
                    a_purge_holds_over_reclaims,
                }
                reclaim {
                    an_empty_store_has_nothing_to_give_back,
                    what_lives_is_not_reclaimed,
                    reclaiming_again_gives_nothing,
                    appends_go_on_during_a_storm_of_expiries,
                    readers_go_on_while_space_is_given_back,
                }
                times {
                    an_empty_store_knows_no_time,
                    the_latest_publication_is_kept,
                    a_later_time_is_kept_and_an_earlier_one_changes_nothing,
                    a_time_is_kept_without_messages,
                    the_time_stays_when_its_messages_are_gone,
                    reclaiming_keeps_no_time,
                }
                lives {
                    a_new_store_takes_writes,
                    a_closed_store_takes_no_writes,
                    a_store_that_dies_with_its_process_starts_empty,
                    many_lives_keep_everything,
                    restarts_without_writes_change_nothing,
                    a_store_may_be_let_go_without_being_closed,
                }
                concurrency {
                    a_reader_sees_every_answered_append_in_order,
                    writers_of_many_subjects_do_not_disturb_each_other,
                    a_purge_among_appends_removes_no_more_than_it_should,
                }
            }
            stamp_faults! { $store;
                a_refused_message_harms_only_itself,
                an_append_after_a_failed_one_is_kept,
                an_unknown_append_is_repeated_until_it_is_known,
                appends_end_in_any_order,
                what_is_lost_is_not_read_before_a_restart,
                reads_after_a_failed_one_work,
                counting_fails_and_goes_on,
                what_is_lost_does_not_count,
                damage_is_told_and_harms_no_other,
            }
        }
    };
}
