//! Torrents of every shape arrive byte for byte, and nothing else.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_file_of_any_length_in_pieces_of_any_length_arrives_byte_for_byte() {
    for (bytes, piece_bytes) in [
        (1, 16 * KIB),
        (16 * KIB, 16 * KIB),
        (16 * KIB + 1, 16 * KIB),
        (300_001, 16 * KIB - 1),
        (300_000, 16 * KIB + 1),
        (100_003, 33_333),
        (97, 7),
        (2_500_000, 1024 * KIB),
    ] {
        let payload = Recipe::file("one file.bin", bytes, piece_bytes).make();
        let seed = Seed::honest(&payload).await;
        Lab::new().download(&payload, &[seed.addr]).await;
        assert!(seed.seen().sent.len() as u64 >= payload.blocks());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_odd_lengths_and_of_none_arrive_where_they_belong() {
    let payload = Recipe::files(
        "an album",
        &[
            ("empty first", 0),
            ("a", 1),
            ("cd 1/track.flac", 40_001),
            ("cd 1/deep/er/x", 16_383),
            ("empty/in the middle", 0),
            ("ünïcödé \u{65e5}\u{672c}", 70_000),
            ("z", 3),
            ("empty last", 0),
        ],
        32 * KIB,
    )
    .make();
    let seed = Seed::honest(&payload).await;
    Lab::new().download(&payload, &[seed.addr]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pieces_of_sixteen_mebibytes_arrive_from_two_seeds() {
    let payload = Recipe::file("large pieces", 2 * (16 << 20) + 4_567_891, 16 << 20).make();
    let seeds = [Seed::honest(&payload).await, Seed::honest(&payload).await];
    Lab::new().download(&payload, &[seeds[0].addr, seeds[1].addr]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pad_files_are_not_created() {
    let payload = Recipe::files("padded", &[("a", 5_000)], 16 * KIB)
        .padded_file("b", 40_000)
        .padded_file("c", 1)
        .make();
    let seed = Seed::honest(&payload).await;
    let lab = Lab::new();
    lab.download(&payload, &[seed.addr]).await;
    assert!(!lab.out().join("padded/.pad").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_created_before_the_disk_was_looked_at_and_nothing_is_left_over() {
    let payload = Recipe::files("it", &[("a", 1000), ("b/c", 0)], 16 * KIB).make();
    let lab = Lab::new();
    assert!(is_empty(&lab.out()));
    let seed = Seed::honest(&payload).await;
    lab.download(&payload, &[seed.addr]).await;
    // Only the files of the torrent: no resume file, no partial names beside them.
    payload.assert_at(&lab.out());
    assert!(!is_empty(&lab.state()), "the resume file lies in the state folder");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_it_ended_may_be_asked_more_than_once() {
    let lab = Lab::new();
    let payload = Recipe::file("one file.bin", 100 * KIB, 16 * KIB).make();
    let mut download = lab.start(&payload, &[]);
    until(&download, "the disk is looked at", |view| (view.phase == Phase::Downloading).then_some(())).await;
    download.send(Command::Quit);
    let completed = soon("it ends", download.completed()).await;
    assert_eq!(completed, Err(EngineError::Ended), "nobody finished it");
    soon("it is over", download.ended()).await.unwrap();
    soon("it has ended", download.ended()).await.unwrap();
    soon("it has ended for good", download.stop()).await.unwrap();
}
