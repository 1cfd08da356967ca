//! The allocator of mlwright's programs: mimalloc.
//!
//! Every block of mimalloc is aligned as C wants it, to 16 bytes or to its size if that is less. Asked for an alignment
//! all the same, as the crate `mimalloc` asks, it takes blocks above a kilobyte that are larger than they need be, by a
//! path three times as long.
#![expect(unsafe_code, reason = "an allocator is unsafe by its nature")]

use std::alloc::{GlobalAlloc, Layout};

use libmimalloc_sys::{
    mi_free, mi_malloc, mi_malloc_aligned, mi_realloc, mi_realloc_aligned, mi_zalloc,
    mi_zalloc_aligned,
};

/// The alignment of blocks of at least this size: `MI_MAX_ALIGN_SIZE`.
const ALIGNMENT: usize = 16;

/// Memory for a program: `#[global_allocator] static MEMORY: Memory = Memory;`.
#[derive(Debug, Clone, Copy)]
pub struct Memory;

/// Whether a block of this size has this alignment without being asked for it.
const fn is_natural(size: usize, alignment: usize) -> bool {
    alignment <= ALIGNMENT && alignment <= size
}

// SAFETY: blocks come from mimalloc and go back to it. Those it was not asked to align are aligned by `is_natural`: it
// gives blocks of `max_align_t` to whoever wants at least so much, and to others blocks aligned to a power of two that
// is not below their size.
unsafe impl GlobalAlloc for Memory {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let (size, alignment) = (layout.size(), layout.align());
        // SAFETY: any size and any power of two are allowed; none is null and no panic comes from there.
        let block = unsafe {
            if is_natural(size, alignment) {
                mi_malloc(size)
            } else {
                mi_malloc_aligned(size, alignment)
            }
        };
        block.cast()
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let (size, alignment) = (layout.size(), layout.align());
        // SAFETY: as in `alloc`.
        let block = unsafe {
            if is_natural(size, alignment) {
                mi_zalloc(size)
            } else {
                mi_zalloc_aligned(size, alignment)
            }
        };
        block.cast()
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, _: Layout) {
        // SAFETY: the caller got the block from here.
        unsafe { mi_free(block.cast()) };
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let alignment = layout.align();
        // SAFETY: the caller got the block from here, and a new one is as in `alloc`.
        let block = unsafe {
            if is_natural(size, alignment) {
                mi_realloc(block.cast(), size)
            } else {
                mi_realloc_aligned(block.cast(), size, alignment)
            }
        };
        block.cast()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: [usize; 14] = [
        1, 7, 8, 9, 15, 16, 17, 24, 100, 1_000, 1_025, 1_280, 8_192, 70_000,
    ];

    #[test]
    fn blocks_have_the_alignment_and_the_room_that_was_asked_for() {
        for size in SIZES {
            for alignment in [1, 2, 4, 8, 16, 32, 64, 4_096] {
                let layout = Layout::from_size_align(size, alignment).expect("a layout");
                // Several, as the first block of a page may be aligned by chance.
                let blocks: Vec<*mut u8> = (0..9)
                    .map(|number| {
                        // SAFETY: the size is not 0; the block is as long as is written, and read after that.
                        unsafe {
                            let block = if number % 2 == 0 {
                                Memory.alloc(layout)
                            } else {
                                let zeros = Memory.alloc_zeroed(layout);
                                assert!((0..size).all(|place| *zeros.add(place) == 0));
                                zeros
                            };
                            assert_eq!(block.align_offset(alignment), 0, "{layout:?}");
                            block.write_bytes(number, size);
                            block
                        }
                    })
                    .collect();
                for (number, block) in (0_u8..).zip(blocks) {
                    // SAFETY: as above; the block is given back once, with the layout it then has.
                    unsafe {
                        let grown = Memory.realloc(block, layout, size * 3);
                        assert_eq!(grown.align_offset(alignment), 0, "{layout:?}");
                        assert!((0..size).all(|place| *grown.add(place) == number));
                        let layout = Layout::from_size_align(size * 3, alignment);
                        Memory.dealloc(grown, layout.expect("a layout"));
                    }
                }
            }
        }
    }
}
