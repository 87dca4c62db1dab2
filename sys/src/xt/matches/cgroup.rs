//! `-m cgroup` (include/uapi/linux/netfilter/xt_cgroup.h).

use serde::Serialize;

use crate::TextRef;
use crate::xt::wire::read;

/// The control group of the socket (`struct xt_cgroup_info_v2` and older).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Cgroup<'a> {
    /// A path in the cgroup v2 hierarchy: the group or one below it.
    pub path: Option<TextRef<'a>>,
    /// The condition on the path is inverted.
    pub invert_path: bool,
    /// A class id of net_cls.
    pub class: Option<u32>,
    /// The condition on the class id is inverted.
    pub invert_class: bool,
}

impl<'a> Cgroup<'a> {
    pub(super) fn decode(revision: u8, data: &'a [u8]) -> Option<Self> {
        const PATH_MAX: usize = 4096;
        const PATH_MAX_V2: usize = 512;
        if revision == 0 {
            let [id, invert]: [u32; 2] = read(data)?;
            return Some(Self { path: None, invert_path: false, class: Some(id), invert_class: invert != 0 });
        }
        let [has_path, has_class, invert_path, invert_class]: [u8; 4] = read(data)?;
        let (longest, class_at) = match revision {
            1 => (PATH_MAX, 4 + PATH_MAX),
            2 => (PATH_MAX_V2, 4),
            _ => return None,
        };
        let path = TextRef::from_c(data.get(4..4 + longest)?);
        let class = read(data.get(class_at..)?)?;
        Some(Self {
            path: (has_path != 0).then_some(path),
            invert_path: invert_path != 0,
            class: (has_class != 0).then_some(class),
            invert_class: invert_class != 0,
        })
    }
}
