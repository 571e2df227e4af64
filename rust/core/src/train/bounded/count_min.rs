//! A count-min sketch of the weights of pairs: upper bounds, in as little memory as there is.

use crate::train::engine::pair::Pair;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::Result;
use crate::memory::collect;
/// Classes of weights in an octave: a power of two, whose binary logarithm is [`PLACES`].
const CLASSES: usize = 1 << PLACES;
const PLACES: u32 = 5;

/// A count-min sketch: sums of the weights of pairs by two hashes. Neither sum is below the true weight, so the smaller
/// one is the better bound. It also counts the occurrences of pairs.
pub(crate) struct Sketch {
    /// Weights and occurrences by the first hash.
    first: Vec<(AtomicU64, AtomicU64)>,
    /// Weights by the second hash.
    second: Vec<AtomicU64>,
}

impl Sketch {
    pub(crate) fn new(bytes: usize) -> Result<Self> {
        let buckets = (bytes / (3 * size_of::<AtomicU64>())).clamp(2, u32::MAX as usize);
        let first = collect((0..buckets).map(|_| Default::default()))?;
        let second = collect((0..buckets).map(|_| Default::default()))?;
        Ok(Self { first, second })
    }

    /// The buckets of a pair.
    fn buckets(&self, left: u32, right: u32) -> (&(AtomicU64, AtomicU64), &AtomicU64) {
        let hash = Pair::new(left, right).to_bits().wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let place =
            |odd: u64| ((((hash ^ (hash >> 29)).wrapping_mul(odd) >> 32) * self.second.len() as u64) >> 32) as usize;
        (&self.first[place(0xbf58_476d_1ce4_e5b9)], &self.second[place(0x94d0_49bb_1331_11eb)])
    }

    pub(crate) fn add(&self, left: u32, right: u32, weight: u64) {
        let ((sum, count), other) = self.buckets(left, right);
        sum.fetch_add(weight, Ordering::Relaxed);
        count.fetch_add(1, Ordering::Relaxed);
        other.fetch_add(weight, Ordering::Relaxed);
    }

    /// Whether a pair may weigh the floor or more.
    pub(crate) fn may_weigh(&self, left: u32, right: u32, floor: u64) -> bool {
        let ((sum, _), other) = self.buckets(left, right);
        sum.load(Ordering::Relaxed) >= floor && other.load(Ordering::Relaxed) >= floor
    }

    /// The floors to choose from.
    pub(crate) fn floors(&self) -> Floors {
        let mut above = vec![Above::default(); CLASSES * 64];
        for (weight, count) in &self.first {
            let weight = weight.load(Ordering::Relaxed);
            if weight > 0 {
                let above = &mut above[class(weight)];
                above.places += count.load(Ordering::Relaxed);
                above.buckets += 1;
            }
        }
        for class in (1..above.len()).rev() {
            above[class - 1].places += above[class].places;
            above[class - 1].buckets += above[class].buckets;
        }
        Floors { above }
    }
}

/// The class of a weight.
fn class(weight: u64) -> usize {
    let octave = weight.ilog2();
    let fraction = (u128::from(weight) << PLACES >> octave) as usize - CLASSES;
    octave as usize * CLASSES + fraction
}

/// The least weight of a class.
fn least(class: usize) -> u64 {
    let octave = class / CLASSES;
    (((CLASSES + class % CLASSES) as u128) << octave).div_ceil(CLASSES as u128) as u64
}

/// The totals of a class of weights and of all classes above it.
#[derive(Debug, Default, Clone, Copy)]
struct Above {
    places: u64,
    buckets: usize,
}

/// The numbers of pairs and occurrences above each floor.
pub(crate) struct Floors {
    /// By class.
    above: Vec<Above>,
}

impl Floors {
    fn above_floor(&self, floor: u64) -> Above {
        self.above[if floor == 0 { 0 } else { class(floor) }]
    }

    /// The number of occurrences of pairs that may weigh `floor` or more.
    pub(crate) fn places(&self, floor: u64) -> u64 {
        self.above_floor(floor).places
    }

    /// About the number of pairs that may weigh `floor` or more.
    pub(crate) fn pairs(&self, floor: u64) -> usize {
        self.above_floor(floor).buckets
    }

    /// The lowest floor with at most `places` occurrences of pairs that may reach it, but at most the floor of the
    /// heaviest class; `None` if there are no pairs.
    pub(crate) fn lowest(&self, places: u64) -> Option<u64> {
        let heaviest = self.above.iter().rposition(|above| above.places > 0)?;
        let class = self.above.partition_point(|above| above.places > places).min(heaviest);
        Some(if class == 0 || self.above[class].places == self.above[0].places { 0 } else { least(class) })
    }

    /// A higher floor that leaves at most `eighths` eighths of the occurrences, if there is one.
    pub(crate) fn above(&self, floor: u64, eighths: u64) -> Option<u64> {
        let higher = self.lowest(self.places(floor) / 8 * eighths)?;
        // All remaining pairs may be in one class.
        if higher > floor { Some(higher) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_in_order_and_begin_with_the_least() {
        let weights = (1..5000).chain((0..64).flat_map(|octave| [1 << octave, u64::MAX >> octave]));
        for weight in weights {
            let class = class(weight);
            assert!(least(class) <= weight);
            assert!(class + 1 == CLASSES * 64 || least(class + 1) > weight);
        }
    }

    #[test]
    fn a_floor_lets_as_many_places_through_as_it_says() {
        let sketch = Sketch::new(1 << 16).unwrap();
        for number in 0..100_u32 {
            (0..=number).for_each(|_| sketch.add(number, number + 1, u64::from(number) + 1));
        }
        let floors = sketch.floors();
        let floor = floors.lowest(1000).unwrap();
        assert!((500..=1000).contains(&floors.places(floor)), "{}", floors.places(floor));
        let higher = floors.above(floor, 7).unwrap();
        assert!(higher > floor && floors.places(higher) <= floors.places(floor) * 7 / 8);
        assert!(floors.places(floors.above(floor, 4).unwrap()) <= floors.places(floor) / 2);
        assert_eq!(floors.lowest(u64::MAX), Some(0));
        assert_eq!(floors.above(least(class(10_000)), 7), None);
        assert_eq!(Sketch::new(1).unwrap().floors().lowest(10), None);
    }
}
