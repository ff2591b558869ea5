//! Size and placement of the pods of each mode.

use std::cmp::Ordering;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use sei_api::v1alpha1::Mode;
use sei_node::compare_quantities;

use crate::settings::Reader;

/// Size and placement of the pods of a mode.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Size {
    pub(crate) node_pool: String,
    pub(crate) storage_class: String,
    pub(crate) storage: Quantity,
    pub(crate) cpu: Quantity,
    pub(crate) memory: Quantity,
    /// `None` for no limit.
    pub(crate) memory_limit: Option<Quantity>,
}

/// The sizes of all modes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sizes {
    full_node: Size,
    archive: Size,
    replayer: Size,
    validator: Size,
}

impl Sizes {
    pub(crate) fn read(read: &mut Reader<'_>) -> Self {
        let full_node = Size {
            node_pool: read.text("SEI_NODEPOOL_NAME", "the Karpenter node pool of all modes except archive"),
            storage_class: read
                .text("SEI_STORAGE_CLASS_PERF", "the storage class of all modes except archive"),
            storage: read.quantity("SEI_STORAGE_SIZE_DEFAULT", "the volume size of all modes except archive"),
            cpu: read
                .quantity("SEI_RESOURCE_CPU_DEFAULT", "the CPU request of seid, all modes except archive"),
            memory: read
                .quantity("SEI_RESOURCE_MEM_DEFAULT", "the memory request of seid, all modes except archive"),
            memory_limit: read.optional_quantity("SEI_RESOURCE_MEM_LIMIT_DEFAULT"),
        };
        let archive = Size {
            node_pool: read.text("SEI_NODEPOOL_ARCHIVE", "the Karpenter node pool of archives"),
            storage_class: read.text("SEI_STORAGE_CLASS_ARCHIVE", "the storage class of archives"),
            storage: read.quantity("SEI_STORAGE_SIZE_ARCHIVE", "the volume size of archives"),
            cpu: read.quantity("SEI_RESOURCE_CPU_ARCHIVE", "the CPU request of seid in archives"),
            memory: read.quantity("SEI_RESOURCE_MEM_ARCHIVE", "the memory request of seid in archives"),
            memory_limit: read.optional_quantity("SEI_RESOURCE_MEM_LIMIT_ARCHIVE"),
        };
        let replayer = full_node.changed(read, "REPLAYER");
        let validator = full_node.changed(read, "VALIDATOR");
        let sizes = Self { full_node, archive, replayer, validator };
        sizes.check(read);
        sizes
    }

    pub(crate) fn of(&self, mode: Mode) -> &Size {
        match mode {
            Mode::FullNode => &self.full_node,
            Mode::Archive => &self.archive,
            Mode::Replayer => &self.replayer,
            Mode::Validator => &self.validator,
        }
    }

    fn check(&self, read: &mut Reader<'_>) {
        let modes = [
            ("DEFAULT", &self.full_node),
            ("ARCHIVE", &self.archive),
            ("REPLAYER", &self.replayer),
            ("VALIDATOR", &self.validator),
        ];
        for (mode, size) in modes {
            let limit = size.memory_limit.as_ref();
            let order = limit.and_then(|limit| compare_quantities(limit, &size.memory));
            if let Some((limit, Ordering::Less)) = limit.zip(order) {
                read.wrong.push(format!(
                    "SEI_RESOURCE_MEM_LIMIT_{mode} is {:?}: write at least the request, {:?}",
                    limit.0, size.memory.0
                ));
            }
        }
    }
}

impl Size {
    /// This size, changed by the optional settings of another mode.
    fn changed(&self, read: &mut Reader<'_>, mode: &str) -> Self {
        let mut quantity = |name: &str, otherwise: &Quantity| {
            read.optional_quantity(&format!("{name}_{mode}")).unwrap_or_else(|| otherwise.clone())
        };
        let storage = quantity("SEI_STORAGE_SIZE", &self.storage);
        let cpu = quantity("SEI_RESOURCE_CPU", &self.cpu);
        let memory = quantity("SEI_RESOURCE_MEM", &self.memory);
        let limit = read.optional_quantity(&format!("SEI_RESOURCE_MEM_LIMIT_{mode}"));
        let text = |name: &str, otherwise: &str| {
            read.optional(&format!("{name}_{mode}")).unwrap_or_else(|| otherwise.to_owned())
        };
        Self {
            node_pool: text("SEI_NODEPOOL", &self.node_pool),
            storage_class: text("SEI_STORAGE_CLASS", &self.storage_class),
            storage,
            cpu,
            memory,
            memory_limit: limit.or_else(|| self.memory_limit.clone()),
        }
    }
}
