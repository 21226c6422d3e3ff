//! Tissues, their relaxation, and the signal they give.

use super::random::Random;

/// What a place in the phantom is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum Tissue {
    Air,
    Skin,
    Fat,
    Marrow,
    Cortex,
    Nucleus,
    NucleusWorn,
    Annulus,
    Ligament,
    Csf,
    Cord,
    Root,
    Muscle,
    Blood,
    SlowBlood,
    BowelWall,
    BowelContent,
    Gas,
    Organ,
    Urine,
    Cartilage,
}

impl Tissue {
    /// How many there are.
    pub const COUNT: usize = 21;
}

/// Proton density (CSF 1), T1 and T2 in ms between 1.5 and 3 T, by [`Tissue`]'s discriminant, after
/// Stanisz 2005 (MRM 54:507), de Bazelaire 2004 (Radiology 230:652) and, for discs, Marinelli 2009.
/// Fat has the long apparent T2 of echo trains; flowing blood gives no signal in spin echo.
const RELAXATION: [[f64; 3]; Tissue::COUNT] = [
    [0.0, 1000.0, 100.0],
    [0.62, 700.0, 40.0],
    [0.92, 330.0, 150.0],
    [0.74, 440.0, 98.0],
    [0.07, 900.0, 12.0],
    [0.92, 1250.0, 150.0],
    [0.7, 1050.0, 56.0],
    [0.55, 950.0, 34.0],
    [0.34, 900.0, 20.0],
    [1.0, 4000.0, 1600.0],
    [0.74, 950.0, 82.0],
    [0.74, 1050.0, 80.0],
    [0.82, 1000.0, 48.0],
    [0.06, 1500.0, 60.0],
    [0.8, 1200.0, 130.0],
    [0.7, 950.0, 55.0],
    [0.72, 800.0, 62.0],
    [0.0, 1000.0, 50.0],
    [0.72, 800.0, 58.0],
    [1.0, 3500.0, 900.0],
    [0.7, 1100.0, 45.0],
];

/// How a series weights the tissues.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contrast {
    /// Repetition time, ms.
    pub repetition_ms: f64,
    /// Echo time, ms.
    pub echo_ms: f64,
    /// Inversion time of a fat-suppressed (STIR) series, ms.
    pub inversion_ms: Option<f64>,
}

impl Contrast {
    /// A usual T1-weighted spin echo of the spine.
    pub const T1: Self = Self { repetition_ms: 560.0, echo_ms: 10.0, inversion_ms: None };
    /// A usual T2-weighted turbo spin echo of the spine.
    pub const T2: Self = Self { repetition_ms: 3600.0, echo_ms: 104.0, inversion_ms: None };
    /// A usual short-tau inversion recovery of the spine.
    pub const STIR: Self = Self { repetition_ms: 4200.0, echo_ms: 55.0, inversion_ms: Some(215.0) };

    /// Signal of each tissue by the spin-echo equation `PD (1 - exp(-TR/T1)) exp(-TE/T2)`, with the
    /// inversion's magnitude where there is one.
    pub(super) fn signals(&self, own: &Relaxation) -> [f32; Tissue::COUNT] {
        own.0.map(|[density, t1, t2]| {
            let recovery = match self.inversion_ms {
                None => 1.0 - (-self.repetition_ms / t1).exp(),
                Some(inversion) => (1.0 - 2.0 * (-inversion / t1).exp() + (-self.repetition_ms / t1).exp()).abs(),
            };
            (density * recovery * (-self.echo_ms / t2).exp()) as f32
        })
    }
}

/// The relaxation of this person's tissues.
#[derive(Debug, Clone)]
pub(super) struct Relaxation([[f64; 3]; Tissue::COUNT]);

impl Relaxation {
    /// Everybody's, each value off by some per cent.
    pub(super) fn drawn(seed: u64) -> Self {
        let mut random = Random::stream(seed, 3);
        let mut own = RELAXATION;
        own.iter_mut().flatten().for_each(|value| *value *= random.about(1.0, 0.04));
        // Red marrow of the young is darker than the fatty marrow of the old.
        let fatty = random.between(-0.12, 0.2);
        let marrow = &mut own[Tissue::Marrow as usize];
        marrow[0] *= 1.0 + fatty;
        marrow[1] *= 1.0 - fatty;
        Self(own)
    }
}

/// Tissue at a place: mostly `tissue`, with a share of `other`, brightened by `gain`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Matter {
    pub(super) tissue: Tissue,
    pub(super) other: Tissue,
    pub(super) share: f32,
    pub(super) gain: f32,
    /// What it is to a segmentation: a [`crate::spine::Structure`] or [`Matter::UNLABELLED`].
    pub(super) label: u8,
    /// Index of the bone or disc it belongs to, from below; 0 where it has none.
    pub(super) part: u8,
}

impl Matter {
    /// Label of sacral segments below S1, which no class holds.
    pub(super) const UNLABELLED: u8 = 255;
    pub(super) const AIR: Self = Self::of(Tissue::Air);

    pub(super) const fn of(tissue: Tissue) -> Self {
        Self { tissue, other: tissue, share: 0.0, gain: 1.0, label: 0, part: 0 }
    }

    /// `tissue` with `share` (0 to 1) of `other` in it.
    pub(super) fn blend(tissue: Tissue, other: Tissue, share: f64) -> Self {
        Self { other, share: share.clamp(0.0, 1.0) as f32, ..Self::of(tissue) }
    }

    pub(super) fn gained(self, gain: f64) -> Self {
        Self { gain: self.gain * gain as f32, ..self }
    }

    pub(super) fn labelled(self, label: u8, part: usize) -> Self {
        Self { label, part: part as u8, ..self }
    }

    pub(super) fn signal(&self, signals: &[f32; Tissue::COUNT]) -> f32 {
        let (main, other) = (signals[self.tissue as usize], signals[self.other as usize]);
        (main + (other - main) * self.share) * self.gain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csf_is_bright_in_t2_and_dark_in_t1_and_stir_loses_fat() {
        let own = Relaxation::drawn(1);
        let of = |c: Contrast, t: Tissue| c.signals(&own)[t as usize];
        assert!(of(Contrast::T2, Tissue::Csf) > 1.5 * of(Contrast::T2, Tissue::Marrow));
        assert!(of(Contrast::T1, Tissue::Csf) < 0.5 * of(Contrast::T1, Tissue::Marrow));
        assert!(of(Contrast::STIR, Tissue::Fat) < 0.2 * of(Contrast::STIR, Tissue::Csf));
        assert!(of(Contrast::T2, Tissue::Nucleus) > 2.0 * of(Contrast::T2, Tissue::Annulus));
        assert_eq!(of(Contrast::T2, Tissue::Air), 0.0);
    }
}
