use super::*;

const NO_DATA: DataSeen = DataSeen { length: 0, sum: None };

fn of(text: &str) -> DataSeen {
    let length = u32::try_from(text.len()).unwrap();
    DataSeen { length, sum: DataSeen::sum(text) }
}

fn follow(ids: &[&str]) -> (Vec<Told>, Trail) {
    let mut trail = Trail::default();
    let told = ids.iter().map(|id| trail.next(id, NO_DATA)).collect();
    (told, trail)
}

#[test]
fn what_comes_again_is_a_repeat_and_no_step() {
    let (told, _) = follow(&["e-1", "e-2", "e-3", "e-2", "e-3", "e-4"]);
    let repeats: Vec<_> = told.iter().map(|told| told.is_repeat).collect();
    assert_eq!(repeats, [false, false, false, true, true, false]);
    assert!(told.iter().all(|told| told.skipped == 0 && !told.is_out_of_order));
}

#[test]
fn numbers_left_out_are_missing_only_where_they_count_one_by_one() {
    let ids: Vec<String> = (1..=20).chain(25..=40).map(|n| format!("e-{n}")).collect();
    let (told, trail) = follow(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(trail.numbering(), Numbering::OneByOne);
    assert_eq!(told.iter().map(|told| told.skipped).sum::<u64>(), 4);
    let (_, trail) = follow(&["1", "5", "9", "10", "17", "21", "22", "40", "41", "50"]);
    assert_eq!(trail.numbering(), Numbering::NotOneByOne);
    let (_, trail) = follow(&["1", "2", "3"]);
    assert_eq!(trail.numbering(), Numbering::TooFew);
    let (_, trail) = follow(&["", ""]);
    assert_eq!(trail.numbering(), Numbering::NoIds);
}

#[test]
fn what_is_lost_between_attempts_says_nothing_of_how_a_server_counts() {
    let mut trail = Trail::default();
    // Of each seven one is lost, always the one that comes while nobody is connected.
    for attempt in 0..5 {
        trail.resumed(&if attempt == 0 { String::new() } else { format!("e-{}", 7 * attempt - 2) });
        numbers(&mut trail, 7 * attempt..7 * attempt + 6);
    }
    assert_eq!((trail.numbering(), trail.missing()), (Numbering::OneByOne, 4));
}

#[test]
fn what_comes_late_fills_only_steps_that_lie_within_attempts() {
    // Of four numbers one is lost within each attempt; another, lost between two, comes late.
    let mut trail = Trail::default();
    for attempt in 0..10_u64 {
        let first = 4 * attempt + 1;
        trail.resumed(&if attempt == 0 { String::new() } else { format!("e-{}", first - 2) });
        let late = (attempt > 0).then(|| first - 1);
        numbers(&mut trail, [first].into_iter().chain(late).chain([first + 2]));
    }
    assert_eq!(trail.missing(), 10);
    let lost_within = Steps::default();
    let lost_within = (0..10).fold(lost_within, |mut steps, _| {
        steps.step(1);
        steps
    });
    assert_eq!(trail.steps_within, lost_within);
    assert_eq!(trail.numbering(), Numbering::MostlyOneByOne);
    // A server that counts anew over several attempts takes steps between them too.
    let mut trail = Trail::default();
    trail.resumed("");
    numbers(&mut trail, 101..=103);
    for n in 1..=4 {
        trail.resumed(&format!("e-{}", if n == 1 { 103 } else { n - 1 }));
        trail.next(&format!("e-{n}"), NO_DATA);
    }
    let [mut all, mut within] = [Steps::default(); 2];
    (0..2).for_each(|_| within.step(0));
    (0..5).for_each(|_| all.step(0));
    assert_eq!((trail.steps, trail.steps_within), (all, within));
}

#[test]
fn where_much_is_lost_numbers_may_be_others_and_where_most_is_they_are() {
    let numbering = |numbers_came: &mut dyn Iterator<Item = u64>| {
        let mut trail = Trail::default();
        numbers(&mut trail, numbers_came);
        (trail.numbering(), trail.missing())
    };
    let one_lost_of = |each: u64| (1..=100).filter(move |n| n % each != 0);
    assert_eq!(numbering(&mut one_lost_of(11)), (Numbering::OneByOne, 9));
    assert_eq!(numbering(&mut one_lost_of(8)), (Numbering::MostlyOneByOne, 12));
    assert_eq!(numbering(&mut one_lost_of(2)).0, Numbering::NotOneByOne);
    let times = (0..50_u64).map(|n| 1_700_000_000_000 + n * 997 + n % 3);
    for numbers in
        [&mut times.clone() as &mut dyn Iterator<Item = u64>, &mut (0..50).map(|n| n * 10)]
    {
        assert_eq!(numbering(numbers).0, Numbering::NotOneByOne);
    }
    // A few seconds follow each other, and most do not.
    assert_eq!(numbering(&mut times.map(|time| time / 600)).0, Numbering::NotOneByOne);
}

#[test]
fn numbers_that_were_swapped_count_one_by_one() {
    let mut trail = Trail::default();
    let swapped = [1, 2, 3, 12, 5, 6, 7, 8, 9, 10, 11, 4, 13, 15, 14];
    assert_eq!(numbers(&mut trail, swapped), (0, 9, 9));
    assert_eq!((trail.numbering(), trail.missing()), (Numbering::OneByOne, 0));
}

#[test]
fn a_smaller_number_that_is_new_is_out_of_order() {
    let (told, _) = follow(&["1", "2", "4", "3", "5", "x", "", "6"]);
    let out: Vec<_> = told.iter().map(|told| told.is_out_of_order).collect();
    assert_eq!(out, [false, false, false, true, false, false, false, false]);
}

fn numbers(trail: &mut Trail, numbers: impl IntoIterator<Item = u64>) -> (u64, u64, u64) {
    let mut sums = (0, 0, 0);
    for number in numbers {
        let told = trail.next(&format!("e-{number}"), NO_DATA);
        sums.0 += u64::from(told.is_repeat);
        sums.1 += u64::from(told.is_out_of_order);
        sums.1 -= told.in_order_after_all;
        sums.2 += told.skipped;
    }
    sums
}

#[test]
fn what_comes_late_fills_what_was_left_out_and_nothing_else_does() {
    let mut trail = Trail::default();
    assert_eq!(numbers(&mut trail, (11..=30).chain(41..=50)), (0, 0, 10));
    assert_eq!(trail.missing(), 10);
    // In the middle, at an end, and what is left in one go.
    assert_eq!(numbers(&mut trail, [35, 31, 40, 32, 33, 34, 36]), (0, 7, 0));
    assert_eq!(trail.missing(), 3);
    // A number from before the beginning was never missed.
    assert_eq!(numbers(&mut trail, [7, 5]), (0, 2, 0));
    assert_eq!(numbers(&mut trail, [37, 38, 39, 51]), (0, 3, 0));
    assert_eq!((trail.missing(), trail.holes.len()), (0, 0));
    assert_eq!(trail.numbering(), Numbering::OneByOne);
}

#[test]
fn numbers_that_begin_anew_are_in_order_and_hide_no_hole() {
    let mut trail = Trail::default();
    numbers(&mut trail, (5_001..=5_040).chain(5_044..=5_080));
    // The server was started again, and lost two events more.
    assert_eq!(numbers(&mut trail, (1..=500).chain(503..=600)), (0, 0, 2));
    assert_eq!(trail.missing(), 5);
    // What it had not sent before that is in no number.
    assert_eq!(trail.numbering(), Numbering::Anew);
}

#[test]
fn what_was_lost_with_another_epoch_is_not_to_be_told() {
    let mut trail = Trail::default();
    numbers(&mut trail, 1..=20);
    assert_eq!(trail.numbering(), Numbering::OneByOne);
    trail.next("f-0", NO_DATA);
    (1..=20).for_each(|n| assert_eq!(trail.next(&format!("f-{n}"), NO_DATA), Told::default()));
    assert_eq!((trail.numbering(), trail.missing()), (Numbering::Anew, 0));
    // Nor where the hub says so.
    let mut trail = Trail::default();
    trail.resumed("e-5");
    numbers(&mut trail, 6..=20);
    assert_eq!(trail.reset("f-7"), Told::default());
    assert_eq!(trail.numbering(), Numbering::Anew);
}

#[test]
fn the_same_ids_with_other_data_in_another_attempt_are_of_a_server_that_counts_anew() {
    let attempts = |texts: [&str; 2]| {
        let mut trail = Trail::default();
        let (mut repeated, mut missed) = (0, 0);
        for (end, text) in [50, 60].into_iter().zip(texts) {
            trail.resumed(if end == 50 { "" } else { "50" });
            for n in 1..=end {
                // The first of them is the same by chance.
                let data = if n == 1 { of("same") } else { of(text) };
                let told = trail.next(&n.to_string(), data);
                repeated += u64::from(told.is_repeat);
                repeated -= told.new_after_all;
                missed += told.skipped;
            }
        }
        (trail.numbering(), repeated, missed)
    };
    assert_eq!(attempts(["short", "longer"]), (Numbering::Anew, 0, 0));
    assert_eq!(attempts(["other", "again"]), (Numbering::Anew, 0, 0));
    assert_eq!(attempts(["again", "again"]), (Numbering::OneByOne, 50, 0));
    // What is too long to be looked at is taken for the same where it is as long.
    let long = |text: &str| text.repeat(DataSeen::MOST_SUMMED as usize + 1);
    assert_eq!(attempts([&long("a"), &long("b")]), (Numbering::OneByOne, 50, 0));
    assert_eq!(attempts([&long("a"), &long("bb")]), (Numbering::Anew, 0, 0));
    // Within one attempt it is the server's own affair.
    let mut trail = Trail::default();
    for n in 1..=20 {
        trail.next(&n.to_string(), of("one"));
    }
    assert!(trail.next("20", of("two")).is_repeat);
    assert_eq!(trail.numbering(), Numbering::OneByOne);
}

/// Whether each is a repeat, and what the numbers tell after a beginning that counts one by one.
fn follow_attempts(attempts: &[&[(&str, &str)]]) -> (Vec<bool>, Numbering) {
    let mut trail = Trail::default();
    for n in 1..=20 {
        trail.next(&n.to_string(), of("same"));
    }
    let mut repeats = Vec::new();
    for attempt in attempts {
        trail.resumed("20");
        for (id, text) in *attempt {
            let told = trail.next(id, of(text));
            assert_eq!(told.new_after_all, 0);
            repeats.push(told.is_repeat);
        }
    }
    (repeats, trail.numbering())
}

#[test]
fn events_that_share_an_id_in_an_attempt_are_repeats_when_they_come_again() {
    let batches = ["21", "22", "23", "24", "25"].map(|id| [(id, "a"), (id, "b")]);
    let batches = batches.as_flattened();
    let (repeats, numbering) = follow_attempts(&[batches, batches]);
    let first = [false, true].repeat(5);
    assert_eq!((repeats, numbering), ([first, vec![true; 10]].concat(), Numbering::OneByOne));
    // Cut within one: what is left of it comes under the same ID.
    let (repeats, numbering) =
        follow_attempts(&[&[("21", "a")], &[("21", "b"), ("22", "a")], &[("22", "b")]]);
    assert_eq!((repeats, numbering), (vec![false, true, false, true], Numbering::OneByOne));
}

#[test]
fn a_heartbeat_with_the_latest_id_is_no_other_event_of_a_server_that_counts_anew() {
    let beat = |id, time| [(id, time)];
    let (repeats, numbering) = follow_attempts(&[
        &beat("20", "12:00:01"),
        &beat("20", "12:00:02"),
        &beat("20", "12:00:03"),
        &[("20", "12:00:04"), ("21", "same"), ("21", "12:00:05")],
        &[("21", "12:00:06"), ("22", "same")],
    ]);
    let expected = [true, true, true, true, false, true, true, false];
    assert_eq!((&repeats[..], numbering), (&expected[..], Numbering::OneByOne));
}

#[test]
fn a_server_that_counts_anew_is_known_by_some_numbers_and_those_are_known_again() {
    let mut trail = Trail::default();
    for n in 1..=20 {
        trail.next(&n.to_string(), of("old"));
    }
    trail.resumed("20");
    let told = [1, 2, 3, 4].map(|n: u64| trail.next(&n.to_string(), of("new")));
    assert_eq!(told.map(|told| told.is_repeat), [true, true, false, false]);
    assert_eq!(told.map(|told| told.new_after_all), [0, 0, 2, 0]);
    assert_eq!(trail.numbering(), Numbering::Anew);
    trail.resumed("4");
    for n in 1..=4 {
        assert!(trail.next(&n.to_string(), of("new")).is_repeat, "{n}");
    }
}

#[test]
fn ids_without_a_number_hide_no_server_that_counts_anew() {
    let mut trail = Trail::default();
    let mut attempt = |of_attempt: &str| {
        trail.resumed("");
        for n in 1..=20 {
            trail.next(&n.to_string(), of(of_attempt));
            trail.next(&format!("{of_attempt}-{n}-x"), of("a word"));
        }
        trail.numbering()
    };
    assert_eq!([attempt("first"), attempt("second")], [Numbering::OneByOne, Numbering::Anew]);
}

#[test]
fn an_id_without_a_number_comes_again_with_its_data_and_not_with_another() {
    let mut trail = Trail::default();
    trail.next("a-x", of("one"));
    trail.next("b-x", of("two"));
    trail.resumed("b-x");
    assert!(trail.next("a-x", of("one")).is_repeat);
    assert!(!trail.next("b-x", of("owt")).is_repeat);
}

#[test]
fn what_a_hub_says_is_lost_is_missing() {
    let mut trail = Trail::default();
    numbers(&mut trail, 1..=20);
    // From 21 to 29: the reset has a place, and is no event.
    assert_eq!(trail.reset("e-29").skipped, 9);
    assert_eq!(numbers(&mut trail, 30..=40), (0, 0, 0));
    assert_eq!((trail.numbering(), trail.missing()), (Numbering::OneByOne, 9));
    assert_eq!(trail.reset("e-40"), Told::default(), "nothing was");
    assert_eq!(trail.reset("none"), Told::default());
}

#[test]
fn a_trail_goes_on_from_the_id_that_was_sent() {
    let mut trail = Trail::default();
    trail.resumed("e-5");
    assert_eq!(numbers(&mut trail, [5]), (1, 0, 0));
    assert_eq!(numbers(&mut trail, 9..=20), (0, 0, 3));
    // It had moved on without an event.
    trail.resumed("e-30");
    trail.resumed("e-20");
    trail.resumed("");
    assert_eq!(numbers(&mut trail, 31..=40), (0, 0, 0));
    assert_eq!(trail.missing(), 3);
}

#[test]
fn holes_are_remembered_up_to_a_limit() {
    let mut trail = Trail::default();
    let odd = |n: u64| 2 * n + 1;
    numbers(&mut trail, (0..=2 * MOST_HOLES as u64).map(odd));
    assert_eq!((trail.holes.len(), trail.missing()), (MOST_HOLES, 2 * MOST_HOLES as u64));
    // One that is forgotten stays missed, one that is not is filled.
    assert_eq!(numbers(&mut trail, [2, 4 * MOST_HOLES as u64]), (0, 2, 0));
    assert_eq!((trail.holes.len(), trail.missing()), (MOST_HOLES - 1, 2 * MOST_HOLES as u64 - 1));
    // Many that are split.
    let mut trail = Trail::default();
    numbers(&mut trail, [0, 1_000_000]);
    numbers(&mut trail, (0..3 * MOST_HOLES as u64).map(|n| 1_000 + 3 * n));
    assert_eq!((trail.holes.len(), trail.missing()), (MOST_HOLES, 999_999 - 3 * MOST_HOLES as u64));
}
