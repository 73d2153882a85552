//! Files of Java that tell their parsers what not to do: which reader a call uses is often decided in another method.

use crate::matching::Source;
use crate::tree::{Kind, NodeId, Role};

/// What turns entities off, by the names of features and properties.
const XML: &[&str] = &[
    "disallow-doctype-decl",
    "external-general-entities",
    "ACCESS_EXTERNAL_DTD",
    "FEATURE_SECURE_PROCESSING",
    "SUPPORT_DTD",
    "IS_SUPPORTING_EXTERNAL_ENTITIES",
    "javax.xml.stream.isSupportingExternalEntities",
    "setEntityResolver",
    "setXMLResolver",
];

/// What says which classes may be read.
const OBJECTS: &[&str] = &[
    "ObjectInputFilter",
    "resolveClass",
    "setObjectInputFilter",
    "ValidatingObjectInputStream",
    "SafeConstructor",
    "allowTypes",
];

/// The arguments of a file whose parsers of XML leave entities alone.
pub fn hardened_xml(source: &Source) -> Vec<NodeId> {
    arguments_where(source, XML)
}

/// The arguments of a file that says which classes its streams may bring.
pub fn filtered_objects(source: &Source) -> Vec<NodeId> {
    arguments_where(source, OBJECTS)
}

fn arguments_where(source: &Source, words: &[&str]) -> Vec<NodeId> {
    let tree = &source.tree;
    if !words.iter().any(|word| tree.text().contains(word)) {
        return Vec::new();
    }
    [Kind::Call, Kind::New]
        .iter()
        .flat_map(|kind| source.of_kind(*kind))
        .flat_map(|call| tree.children_in(*call, Role::Arg))
        .collect()
}
