//! Names of chains written down as sizes and distances.

use super::*;

fn body(sacrum_share: f64, area_mm2: f64) -> ChainBody {
    ChainBody {
        height_mm: 27.0,
        depth_mm: 34.0,
        area_mm2,
        front_to_back: 0.1,
        upper_to_lower: 0.05,
        sacrum_share,
        at_edge: false,
        room_below_mm: 60.0,
        canal_alongside: Some(true),
    }
}

/// A first sacral body such as most have: narrow below, its front shorter than its back, shallower than L5.
fn s1() -> ChainBody {
    ChainBody { depth_mm: 29.5, front_to_back: -0.39, upper_to_lower: 0.39, ..body(0.98, 760.0) }
}

fn gap(distance_mm: f64, discs: usize) -> ChainGap {
    ChainGap { distance_mm, lean_deg: -4.0, discs, disc_thickness_mm: if discs > 0 { 9.0 } else { 0.0 } }
}

/// S1 and `above` vertebrae, evenly spaced, with discs.
fn chain(above: usize) -> (Vec<ChainBody>, Vec<ChainGap>) {
    let mut bodies = vec![s1()];
    bodies.extend((0..above).map(|_| body(0.0, 900.0)));
    let mut gaps: Vec<ChainGap> = (0..above).map(|_| gap(36.0, 1)).collect();
    if let Some(lumbosacral) = gaps.first_mut() {
        lumbosacral.lean_deg = -32.0;
    }
    (bodies, gaps)
}

fn names(naming: &Naming) -> Vec<&'static str> {
    naming.vertebrae.iter().map(|v| v.name.map_or("?", Vertebra::name)).collect()
}

fn codes(naming: &Naming) -> Vec<QualityCode> {
    naming.quality.iter().map(|q| q.code).collect()
}

#[test]
fn names_are_counted_upwards_past_the_thoracolumbar_junction() {
    let (bodies, gaps) = chain(7);
    let naming = designate(&bodies, &gaps);
    assert_eq!(names(&naming), ["S1", "L5", "L4", "L3", "L2", "L1", "T12", "T11"]);
    assert_eq!(codes(&naming), [QualityCode::LumbarCountAssumed]);
    let l4 = &naming.vertebrae[2];
    let found: Vec<_> = l4.evidence.iter().map(|e| e.code).collect();
    assert_eq!(
        found,
        ["sacrum-in-view", "s1-shape", "canal-alongside", "disc-between", "counted-from-s1", "chain-unbroken"]
    );
    assert!(l4.confidence > 0.85 && l4.confidence < naming.vertebrae[1].confidence);
    assert!(l4.confidence < FIVE_LUMBAR && naming.vertebrae[0].confidence > FIVE_LUMBAR);
}

#[test]
fn a_gap_that_fits_no_whole_number_leaves_everything_above_it_unnamed() {
    let (bodies, mut gaps) = chain(6);
    gaps[2] = gap(55.0, 0);
    let naming = designate(&bodies, &gaps);
    assert_eq!(names(&naming), ["S1", "L5", "L4", "?", "?", "?", "?"]);
    assert_eq!(codes(&naming), [QualityCode::LevelConflict, QualityCode::LumbarCountAssumed]);
    assert_eq!(naming.discs_above(2)[0].name, None);
    assert_eq!(naming.discs_above(1)[0].name, Some(Disc::new(Vertebra::L4, Vertebra::L5)));
}

#[test]
fn two_lost_vertebrae_are_not_bridged() {
    let (bodies, mut gaps) = chain(6);
    gaps[3] = gap(108.0, 0);
    assert_eq!(names(&designate(&bodies, &gaps))[3..], ["L3", "?", "?", "?"]);
}

#[test]
fn a_disc_in_the_middle_of_a_double_gap_contradicts_the_lost_vertebra() {
    let (bodies, mut gaps) = chain(6);
    gaps[2] = gap(72.0, 1);
    assert_eq!(names(&designate(&bodies, &gaps))[2..], ["L4", "?", "?", "?", "?"]);
    gaps[2] = gap(72.0, 2);
    assert_eq!(names(&designate(&bodies, &gaps))[2..], ["L4", "L2", "L1", "T12", "T11"]);
}

#[test]
fn discs_beside_a_lost_vertebra_are_named_after_it() {
    let (bodies, mut gaps) = chain(5);
    gaps[1] = gap(72.0, 2);
    let naming = designate(&bodies, &gaps);
    let found: Vec<String> = naming.discs_above(1).iter().filter_map(|d| d.name).map(|d| d.to_string()).collect();
    assert_eq!(found, ["L4-L5", "L3-L4"]);
}

#[test]
fn two_sacra_with_a_disc_between_them_are_a_conflict() {
    let (mut bodies, gaps) = chain(6);
    bodies[1].sacrum_share = 0.8;
    let naming = designate(&bodies, &gaps);
    assert!(names(&naming).iter().all(|n| *n == "?"));
    assert_eq!(codes(&naming), [QualityCode::LevelConflict]);
}

#[test]
fn a_much_smaller_part_below_the_sacrum_is_s2_even_across_a_disc() {
    let (bodies, gaps) = chain(6);
    let gaps = [vec![ChainGap { distance_mm: 30.0, lean_deg: 0.0, discs: 1, disc_thickness_mm: 5.0 }], gaps].concat();
    for (share_of_s1, first_name) in [(0.5, "S1"), (0.7, "?")] {
        let below = body(1.0, share_of_s1 * bodies[0].area_mm2);
        let naming = designate(&[vec![below], bodies.clone()].concat(), &gaps);
        assert_eq!(names(&naming)[0], first_name, "{share_of_s1}");
    }
}

#[test]
fn a_sacrum_that_the_images_edge_cuts_is_believed_only_where_its_shape_leaves_no_doubt() {
    let (mut bodies, mut gaps) = chain(6);
    gaps[0].lean_deg = -36.0;
    // Without its lower edge it narrows faster.
    bodies[0] = ChainBody { at_edge: true, room_below_mm: 0.0, front_to_back: -0.6, upper_to_lower: 0.55, ..s1() };
    let named = designate(&bodies, &gaps);
    assert_eq!(codes(&named), [QualityCode::FieldOfView, QualityCode::LumbarCountAssumed]);
    assert!(names(&named)[0] == "S1" && named.vertebrae.iter().all(|v| v.confidence <= CUT_BELOW));
    bodies[0] = ChainBody { front_to_back: -0.1, upper_to_lower: 0.2, ..bodies[0].clone() };
    assert_eq!(codes(&designate(&bodies, &gaps)), [QualityCode::LevelConflict]);
}

#[test]
fn a_sacrum_above_a_vertebra_is_a_conflict() {
    let (mut bodies, gaps) = chain(6);
    bodies[3].sacrum_share = 0.9;
    assert_eq!(codes(&designate(&bodies, &gaps)), [QualityCode::LevelConflict]);
}

#[test]
fn a_disc_below_s1_makes_the_junction_look_transitional() {
    let (bodies, gaps) = chain(6);
    let bodies = [vec![body(0.0, 420.0)], bodies].concat();
    let gaps = [vec![ChainGap { distance_mm: 30.0, lean_deg: 0.0, discs: 1, disc_thickness_mm: 5.0 }], gaps].concat();
    let naming = designate(&bodies, &gaps);
    assert_eq!((naming.first, names(&naming)[0]), (1, "S1"));
    assert_eq!(codes(&naming), [QualityCode::TransitionalAnatomy, QualityCode::LumbarCountAssumed]);
    assert!(naming.vertebrae[1].confidence < 0.61);
}

#[test]
fn the_image_should_go_on_below_s1() {
    let (mut bodies, gaps) = chain(6);
    bodies[0].room_below_mm = 7.0;
    let named = designate(&bodies, &gaps);
    assert_eq!(codes(&named), [QualityCode::FieldOfView, QualityCode::LumbarCountAssumed]);
    assert!(named.vertebrae.iter().all(|v| v.confidence <= CUT_BELOW));
}

#[test]
fn few_vertebrae_are_named_and_not_trusted() {
    let sure = |above| {
        let (bodies, gaps) = chain(above);
        designate(&bodies, &gaps).vertebrae[1].confidence
    };
    assert!(sure(2) <= FEW_IN_VIEW * FIVE_LUMBAR && sure(3) > 0.85, "{} {}", sure(2), sure(3));
}

#[test]
fn a_squared_s1_is_named_and_its_doubt_is_said() {
    let (mut bodies, gaps) = chain(6);
    bodies[0].front_to_back = 0.05;
    bodies[0].upper_to_lower = 0.12;
    let naming = designate(&bodies, &gaps);
    assert_eq!(
        (names(&naming)[0], codes(&naming)),
        ("S1", vec![QualityCode::TransitionalAnatomy, QualityCode::LumbarCountAssumed])
    );
    assert!(naming.vertebrae.iter().all(|v| v.confidence <= TRANSITIONAL));
}

#[test]
fn a_lumbar_body_that_the_network_calls_sacrum_names_nothing() {
    let (mut bodies, mut gaps) = chain(6);
    bodies[0] = body(1.0, 900.0);
    gaps[0].lean_deg = -12.0;
    assert_eq!(codes(&designate(&bodies, &gaps)), [QualityCode::LevelConflict]);
}

#[test]
fn s2_called_the_sacrum_below_an_s1_called_lumbar_names_nothing() {
    let (mut bodies, mut gaps) = chain(6);
    bodies[0].sacrum_share = 0.0;
    bodies.insert(0, ChainBody { depth_mm: 17.0, ..body(1.0, 380.0) });
    gaps.insert(0, ChainGap { lean_deg: -44.0, ..gap(30.0, 1) });
    assert_eq!(codes(&designate(&bodies, &gaps)), [QualityCode::LevelConflict]);
}

#[test]
fn the_less_s1_looks_like_one_the_less_sure_is_every_name() {
    let (mut bodies, gaps) = chain(6);
    let sure = designate(&bodies, &gaps);
    bodies[0] = ChainBody { depth_mm: 32.0, front_to_back: 0.0, upper_to_lower: 0.2, ..s1() };
    let less_sure = designate(&bodies, &gaps);
    for (a, b) in sure.vertebrae.iter().zip(&less_sure.vertebrae) {
        assert!(b.confidence < a.confidence && b.name == a.name);
    }
}

#[test]
fn no_chain_makes_it_panic() {
    for count in 0..3 {
        let (bodies, gaps) = chain(count);
        let naming = designate(&bodies[..count.min(bodies.len())], &gaps[..count.saturating_sub(1)]);
        assert!(naming.vertebrae.iter().all(|v| v.name.is_none() || count > 1));
    }
}
