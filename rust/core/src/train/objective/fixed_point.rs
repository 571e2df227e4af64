//! Powers in fixed point: the same integers on every machine, which `powf` does not promise.

/// Binary places of a logarithm.
pub(crate) const PLACES: u32 = 32;

/// One, as a logarithm.
pub(crate) const ONE: i128 = 1 << PLACES;

/// The binary logarithm of a positive number, with [`PLACES`] binary places: each squaring of the mantissa gives one
/// more place. It is monotonic, because squares and shifts keep the order.
pub(crate) fn log2(number: u64) -> i128 {
    debug_assert!(number > 0);
    let mut log = i128::from(number.ilog2());
    // The mantissa, from 1 to 2, with 63 binary places.
    let mut mantissa = u128::from(number) << (63 - number.ilog2());
    for _ in 0..PLACES {
        mantissa = (mantissa * mantissa) >> 63;
        let place = mantissa >> 64;
        mantissa >>= place;
        log = 2 * log + place as i128;
    }
    log
}

/// Two to the power of a logarithm, rounded down; at most `u64::MAX`. It is monotonic: a step in the last place changes
/// the product by one part in 2^33, and rounding loses less than one in 2^57.
pub(crate) fn exp2(log: i128) -> u64 {
    let (whole, mut places) = (log.div_euclid(ONE), log.rem_euclid(ONE));
    if whole >= 64 {
        return u64::MAX;
    }
    if whole < 0 {
        return 0;
    }
    // The product of two to the power of each set place, with 63 binary places.
    let (mut product, mut root) = (1_u128 << 63, 2_u128 << 63);
    while places > 0 {
        root = (root << 63).isqrt();
        places *= 2;
        if places >= ONE {
            places -= ONE;
            product = (product * root) >> 63;
        }
    }
    (product >> (63 - whole as u32)) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn powers_are_powers(number in 1..u64::MAX, log in 0..63 * ONE) {
            let exact = (number as f64).log2();
            prop_assert!((log2(number) as f64 / ONE as f64 - exact).abs() < 1e-9);
            let exact = (log as f64 / ONE as f64).exp2();
            prop_assert!((exp2(log) as f64 - exact).abs() <= 1.0 + exact * 1e-12);
            prop_assert!(exp2(log2(number)) <= number);
        }

        #[test]
        fn powers_rise(number in 1..u64::MAX, log in -ONE..64 * ONE, more in 0..ONE) {
            prop_assert!(log2(number) <= log2(number + 1));
            prop_assert!(exp2(log) <= exp2(log + more));
        }
    }

    #[test]
    fn powers_at_the_ends() {
        assert_eq!([1, 2, 1 << 63].map(log2), [0, ONE, 63 * ONE]);
        assert_eq!([-1, 0, ONE, 63 * ONE, 64 * ONE].map(exp2), [0, 1, 2, 1 << 63, u64::MAX]);
    }
}
