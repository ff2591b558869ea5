//! Wrappers that watches and stores handle like the object itself.

/// Implements `Resource` for a wrapper of `K` that has the metadata of the object in its field `metadata`.
macro_rules! impl_resource {
    ($wrapper:ident<K: $bound:ident>) => {
        impl<K: $bound> kube::Resource for $wrapper<K> {
            type DynamicType = K::DynamicType;
            type Scope = K::Scope;

            fn kind(of: &K::DynamicType) -> std::borrow::Cow<'_, str> {
                K::kind(of)
            }

            fn group(of: &K::DynamicType) -> std::borrow::Cow<'_, str> {
                K::group(of)
            }

            fn version(of: &K::DynamicType) -> std::borrow::Cow<'_, str> {
                K::version(of)
            }

            fn plural(of: &K::DynamicType) -> std::borrow::Cow<'_, str> {
                K::plural(of)
            }

            fn meta(&self) -> &ObjectMeta {
                &self.metadata
            }

            fn meta_mut(&mut self) -> &mut ObjectMeta {
                &mut self.metadata
            }
        }
    };
}

pub(crate) use impl_resource;
