use super::*;

fn node(id: &[u8], addr: &str) -> NodeInfo {
    let mut full = [0; 20];
    full[..id.len()].copy_from_slice(id);
    NodeInfo { id: NodeId(full), addr: addr.parse().unwrap() }
}

fn minutes(minutes: u64) -> At {
    At::from_secs(minutes * 60)
}

/// A node of the bucket of eight that shares no more than the first three bits with our id of zeros.
fn near(nth: u8) -> NodeInfo {
    node(&[0x10, nth], &format!("10.0.0.{nth}:6881"))
}

#[test]
fn a_node_is_good_then_doubtful_then_bad_and_its_place_goes_to_a_spare() {
    let mut table = Table::new(NodeId([0; 20]));
    (0..9).for_each(|nth| table.answered(At::ZERO, near(nth)));
    assert_eq!(table.counts(At::ZERO), (8, 0));
    assert_eq!(table.counts(minutes(15)), (0, 8));
    assert_eq!(table.take_doubtful(minutes(15)), Some(near(0)));
    table.asked(minutes(15), near(1));
    assert_eq!(table.counts(minutes(16)), (1, 7));
    table.failed(minutes(16), near(0).addr);
    assert!(table.to_begin_with(minutes(16), &near(0).id, 9).contains(&near(0)));
    table.failed(minutes(16), near(0).addr);
    let nearest = table.to_begin_with(minutes(16), &near(0).id, 9);
    assert!(nearest.contains(&near(8)) && !nearest.contains(&near(0)) && nearest.len() == 8);
}

#[test]
fn nodes_of_the_last_run_are_doubtful_until_they_answer() {
    let mut table = Table::new(NodeId([0; 20]));
    table.restore(At::ZERO, near(1));
    assert_eq!((table.counts(At::ZERO), table.works(At::ZERO)), ((0, 1), false));
    assert!(table.nearest_good(At::ZERO, &near(1).id, 8).is_empty());
    table.answered(At::ZERO, near(1));
    assert_eq!((table.counts(At::ZERO), table.works(At::ZERO)), ((1, 0), true));
}

#[test]
fn an_id_that_does_not_fit_its_public_address_makes_room_for_one_that_does() {
    let mut table = Table::new(NodeId([0; 20]));
    for nth in 0..8 {
        table.answered(At::ZERO, node(&[0x10, nth], &format!("11.{nth}.0.1:6881")));
    }
    table.answered(At::ZERO, near(9));
    assert!(table.nearest_good(At::ZERO, &near(9).id, 1).contains(&near(9)));
}

#[test]
fn a_bucket_has_two_nodes_of_a_public_network_and_an_address_one_id() {
    let mut table = Table::new(NodeId([0; 20]));
    for nth in 0..8 {
        table.answered(At::ZERO, node(&[0x80, nth], &format!("11.0.0.{nth}:6881")));
    }
    assert_eq!(table.counts(At::ZERO).0, 2);
    table.answered(At::ZERO, node(&[0x40], "11.0.0.0:6881"));
    assert_eq!(table.counts(At::ZERO).0, 2);
    assert!(table.nearest_good(At::ZERO, &NodeId([0x40; 20]), 8).contains(&node(&[0x40], "11.0.0.0:6881")));
}

#[test]
fn a_stale_bucket_is_refreshed_by_an_id_of_it() {
    let mut rng = fastrand::Rng::with_seed(3);
    let mut table = Table::new(NodeId([0; 20]));
    table.answered(minutes(1), near(1));
    let farthest = table.take_stale(minutes(15), &mut rng).unwrap();
    assert_eq!(farthest.distance_bits(&table.own()), 160);
    let next = table.take_stale(minutes(15), &mut rng).unwrap();
    assert_eq!(next.distance_bits(&table.own()), 159);
    table.take_stale(minutes(15), &mut rng).unwrap();
    assert_eq!(table.take_stale(minutes(15), &mut rng), None);
    assert_eq!(table.take_stale(minutes(16), &mut rng).unwrap().distance_bits(&table.own()), 157);
}

#[test]
fn another_id_of_our_own_keeps_the_nodes() {
    let mut table = Table::new(NodeId([0; 20]));
    (0..5).for_each(|nth| table.answered(At::ZERO, near(nth)));
    table.rename(At::ZERO, NodeId([0xff; 20]));
    assert_eq!((table.counts(At::ZERO), table.own()), ((5, 0), NodeId([0xff; 20])));
    assert_eq!(table.to_save().count(), 5);
}
