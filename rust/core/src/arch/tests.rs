//! Every instruction set yields the same results as the portable path.

mod masks;

use proptest::prelude::*;

use super::*;
use masks::{ILL_FORMED, check, check_every_scalar};

#[test]
fn every_scalar_at_every_offset() {
    check_every_scalar();
}

/// Converts a text from units of each width that it fits, in full and shortened, and compares with `String`.
fn check_utf8(text: &str) {
    let points: Vec<u32> = text.chars().map(u32::from).collect();
    let most = points.iter().copied().max().unwrap_or(0);
    let narrow = |count| points[..count].iter().map(|&point| point as u8).collect::<Vec<_>>();
    let middle = |count| points[..count].iter().map(|&point| point as u16).collect::<Vec<_>>();
    for isa in Isa::available() {
        for count in [points.len(), points.len() / 2, points.len().saturating_sub(1)] {
            let expected: String = text.chars().take(count).collect();
            let mut made = vec![String::from("é"); 3];
            isa.push_utf8(&points[..count], &mut made[0]).unwrap();
            if most <= 0xFFFF {
                isa.push_utf8(&middle(count), &mut made[1]).unwrap();
            }
            if most <= 0xFF {
                isa.push_utf8(&narrow(count), &mut made[2]).unwrap();
            }
            for made in made.iter().filter(|made| *made != "é") {
                assert_eq!(made, &format!("é{expected}"), "{}", isa.name());
            }
        }
    }
}

#[test]
fn every_scalar_from_units_of_every_width() {
    let scalars = |most| (0..=most).filter_map(char::from_u32).collect::<String>();
    for text in [scalars(0x10_FFFF), scalars(0xFFFF), scalars(0xFF), scalars(0x7F)] {
        check_utf8(&text);
    }
}

#[test]
fn an_invalid_code_point_is_found_and_nothing_is_added() {
    for isa in Isa::available() {
        for place in [0, 1, 15, 16, 31, 32, 33, 4095, 4096, 5000] {
            for wrong in [0xD800u16, 0xDBFF, 0xDC00, 0xDFFF] {
                let mut units = vec![u16::from(b'x'); 5001];
                units[place] = wrong;
                let mut text = String::from("before");
                assert_eq!(isa.push_utf8(&units, &mut text), Err(Utf8Error::NoCharacter { place }), "{}", isa.name());
                let units: Vec<u32> = units.into_iter().map(u32::from).collect();
                assert_eq!(isa.push_utf8(&units, &mut text), Err(Utf8Error::NoCharacter { place }), "{}", isa.name());
                assert_eq!(text, "before");
            }
        }
        let made = isa.push_utf8(&[0x61, 0x11_0000u32], &mut String::new());
        assert_eq!(made, Err(Utf8Error::NoCharacter { place: 1 }), "{}", isa.name());
    }
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let ill_formed = prop::sample::select(ILL_FORMED.to_vec());
    let part = prop_oneof![
        4 => "[a-zA-Z '/.\n]{1,9}".prop_map(String::into_bytes),
        4 => "[à-ÿĀ-ſα-ωЀ-я’“–…€]{1,9}".prop_map(String::into_bytes),
        2 => any::<String>().prop_map(String::into_bytes),
        1 => ill_formed.prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 0..9),
    ];
    prop::collection::vec(part, 0..60).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn any_text_from_units_of_every_width(text in prop_oneof![
        any::<String>(),
        "[ -~]{0,90}".prop_map(String::from),
        "[a-zà-ÿ ]{0,90}".prop_map(String::from),
        "[a-zα-ωЀ-я’€ ]{0,90}".prop_map(String::from),
    ]) {
        check_utf8(&text);
    }

    #[test]
    fn any_bytes_from_any_start(text in bytes(), start in 0..70usize) {
        check(&text, start.min(text.len()));
    }
}

/// All operations of [`U32x16`] on the same numbers.
struct Operations {
    numbers: [u32; 16],
    others: [u32; 16],
    table: [u32; 16],
    number: u32,
    words: [u64; 8],
    list: Vec<u32>,
}

impl Work for &Operations {
    type Output = (Vec<[u32; 16]>, [u16; 4], u64);

    fn run<R: U32x16>(self) -> Self::Output {
        let (row, other) = (R::load(&self.numbers), R::load(&self.others));
        let rows = [
            row,
            R::splat(self.number),
            row.select(row.less_than_each(other), other),
            row.select(row.less_than(self.number).or(other.equal(self.number)).and_not(row.has_bit(other)), other),
            row.select(row.less_than_each(other).and(row.has_bit(other)), other),
            row.select(R::Mask::NONE, other),
            row.and(other),
            row.or(other),
            row.wrapping_mul(self.number),
            row.wrapping_add(other),
            row.wrapping_sub(other),
            row.shift_right(self.number % 32),
            row.shift_right_each(other.and(R::splat(31))),
            row.leading_zeros(),
            row.permute(&self.table),
            row.gather(&self.list),
            row.and(R::splat(7)).gather(&self.list),
        ];
        let rows = rows.map(|row| {
            let mut numbers = [0; 16];
            row.store(&mut numbers);
            numbers
        });
        let places =
            [row.equal(self.number), row.less_than(self.number), row.less_than_each(other), row.has_bit(other)]
                .map(Mask::bits);
        (rows.to_vec(), places, R::find_in_range(&self.words, u64::from(self.number) << 21, 1 << 21))
    }
}

proptest! {
    #[test]
    fn operations_are_equal_on_every_isa(
        numbers in any::<[u32; 16]>(),
        others in any::<[u32; 16]>(),
        table in any::<[u32; 16]>(),
        at in 0..16usize,
        words in any::<[u64; 8]>(),
        which in 0..8usize,
        list in prop::collection::vec(any::<u32>(), 1..20),
    ) {
        let number = numbers[at];
        let mut words = words.map(|word| word >> 1);
        words[which] = u64::from(number) << 21 | words[which] & 0x1F_FFFF;
        let work = Operations { numbers, others, table, number, words, list };
        let expected = Isa(Instructions::Portable).run(&work);
        for isa in Isa::available() {
            prop_assert_eq!(isa.run(&work), expected.clone(), "{}", isa.name());
        }
    }
}

#[test]
fn a_row_of_equals() {
    for number in [0, 1, 31, u32::MAX] {
        let (numbers, others) = ([number; 16], [number; 16]);
        let table = std::array::from_fn(|place| place as u32);
        let row = Operations { numbers, others, table, number, words: [0; 8], list: vec![1, 2] };
        let (rows, [equal, below, less, have], _) = Isa(Instructions::Portable).run(&row);
        assert_eq!((equal, below, less), (0xFFFF, 0, 0));
        assert_eq!(have, if number == u32::MAX { 0xFFFF } else { 0 });
        assert_eq!(rows[15], [if number == 0 { 1 } else { 2 }; 16]);
        for isa in Isa::available() {
            assert_eq!(isa.run(&row), Isa(Instructions::Portable).run(&row), "{}", isa.name());
        }
    }
}

/// The operations that move numbers.
struct Movements {
    numbers: [u32; 16],
    bits: u16,
    piece: Vec<u8>,
    start: usize,
}

impl Work for &Movements {
    type Output = (Vec<u32>, [u32; 16], [[u32; 16]; 16], ([u64; 2], u64, [u64; 4]));

    fn run<R: U32x16>(self) -> Self::Output {
        let mut kept = [0; 16];
        R::load(&self.numbers).compress(self.bits).store(&mut kept);
        let mut bytes = [0; 16];
        R::load_bytes(&self.piece, self.start).store(&mut bytes);
        let mut rows = square(&self.numbers);
        R::transpose(&mut rows);
        let length = self.piece.len().min(31);
        let end = R::long_key(&self.piece, self.piece.len() - length, length);
        let start = R::short_key(&self.piece, self.piece.len().min(15));
        let [_, all] = R::short_key(&self.piece, self.piece.len());
        let keys = (start, (all >> 56).min(16), end);
        (kept[..self.bits.count_ones() as usize].to_vec(), bytes, rows, keys)
    }
}

/// Sixteen rows, all different.
fn square(numbers: &[u32; 16]) -> [[u32; 16]; 16] {
    std::array::from_fn(|row| numbers.map(|number| number.rotate_left(row as u32).wrapping_add(row as u32)))
}

proptest! {
    #[test]
    fn numbers_are_moved(
        numbers in any::<[u32; 16]>(),
        bits in any::<u16>(),
        piece in prop_oneof![prop::collection::vec(any::<u8>(), 0..40), prop::collection::vec(any::<u8>(), 250..270)],
        start in 0..50usize,
    ) {
        let kept = (0..16).filter(|place| bits >> place & 1 != 0).map(|place| numbers[place]).collect();
        let bytes = std::array::from_fn(|place| piece.get(start + place).map_or(0, |&byte| u32::from(byte)));
        let rows = square(&numbers);
        let columns = std::array::from_fn(|column| std::array::from_fn(|row| rows[row][column]));
        let (short, length) = (piece.len().min(15), piece.len().min(31));
        let (mut first, mut last) = ([0; 16], [0; 32]);
        first[..short].copy_from_slice(&piece[..short]);
        first[15] = short as u8;
        last[..length].copy_from_slice(&piece[piece.len() - length..]);
        last[31] = length as u8;
        let word = |bytes: &[u8], word: usize| u64::from_le_bytes(bytes[8 * word..][..8].try_into().unwrap());
        let (first, last) = ([0, 1].map(|at| word(&first, at)), [0, 1, 2, 3].map(|at| word(&last, at)));
        // For a longer piece, `short_key` only tells that the length is more than 15.
        let expected = (kept, bytes, columns, (first, piece.len().min(16) as u64, last));
        let work = Movements { numbers, bits, piece, start };
        for isa in Isa::available() {
            prop_assert_eq!(&isa.run(&work), &expected, "{}", isa.name());
        }
    }

    #[test]
    fn nontemporal_stores_arrive(runs in prop::collection::vec(prop::collection::vec(0..u32::MAX, 0..100), 0..20)) {
        let (mut past, mut expected) = (Vec::new(), Vec::new());
        for run in runs {
            past.reserve(run.len());
            append_nontemporal(&mut past, &run);
            expected.extend(run);
            prop_assert_eq!(&past, &expected);
        }
    }
}
