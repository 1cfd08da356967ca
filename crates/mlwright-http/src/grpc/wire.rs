//! Messages of the wire protocols, generated from `proto`.
#![allow(
    clippy::all,
    clippy::pedantic,
    dead_code,
    missing_docs,
    unreachable_pub
)]

pub(crate) mod inference {
    include!(concat!(env!("OUT_DIR"), "/inference.rs"));
}

pub(crate) mod tensorflow {
    include!(concat!(env!("OUT_DIR"), "/tensorflow.rs"));

    pub(crate) mod serving {
        include!(concat!(env!("OUT_DIR"), "/tensorflow.serving.rs"));
    }
}
