//! Reading blocks of Terraform: their labels and attributes.

use crate::analysis::commands::word;
use crate::matching::Source;
use crate::tree::{Kind, NodeId, Role};

#[derive(Debug, Clone, Copy)]
pub struct Block<'s> {
    pub source: &'s Source,
    pub node: NodeId,
}

#[derive(Debug, Clone, Copy)]
pub struct Attribute<'s> {
    pub source: &'s Source,
    pub node: NodeId,
    pub value: NodeId,
}

/// The blocks that a file begins with: resources, data, modules, providers.
pub fn blocks(source: &Source) -> Vec<Block<'_>> {
    let tree = &source.tree;
    tree.children(NodeId::ROOT)
        .filter(|node| tree.kind(*node) == Kind::Section)
        .map(|node| Block { source, node })
        .collect()
}

impl<'s> Block<'s> {
    pub fn name(&self) -> &'s str {
        self.source.tree.name(self.node)
    }

    pub fn label(&self, at: usize) -> &'s str {
        let tree = &self.source.tree;
        tree.children_in(self.node, Role::Arg)
            .nth(at)
            .map_or("", |label| tree.name(label))
    }

    /// What a resource is: `aws_s3_bucket`; empty for other blocks.
    pub fn kind(&self) -> &'s str {
        match self.name() {
            "resource" => self.label(0),
            _ => "",
        }
    }

    fn statements(&self) -> impl Iterator<Item = NodeId> + 's {
        let tree = &self.source.tree;
        tree.child(self.node, Role::Body)
            .into_iter()
            .flat_map(move |body| tree.children(body))
    }

    pub fn attributes(&self) -> impl Iterator<Item = (&'s str, Attribute<'s>)> + 's {
        let source = self.source;
        let tree = &source.tree;
        self.statements().filter_map(move |node| {
            let target = tree
                .child(node, Role::Target)
                .filter(|_| tree.kind(node) == Kind::Assign)?;
            let value = tree.child(node, Role::Value)?;
            Some((tree.name(target), Attribute { source, node, value }))
        })
    }

    pub fn attribute(&self, name: &str) -> Option<Attribute<'s>> {
        self.attributes()
            .find(|(other, _)| *other == name)
            .map(|(_, set)| set)
    }

    /// The attribute's text, empty if there is none.
    pub fn text(&self, name: &str) -> String {
        self.attribute(name).map_or(String::new(), |set| set.text())
    }

    /// The texts of a list, or the one of a value.
    pub fn texts(&self, name: &str) -> Vec<String> {
        self.attribute(name).map_or(Vec::new(), |set| set.texts())
    }

    /// Blocks in it, also those that `dynamic` makes.
    pub fn inner(&self, name: &str) -> Vec<Block<'s>> {
        let source = self.source;
        let tree = &source.tree;
        let mut found = Vec::new();
        for node in self.statements().filter(|node| tree.kind(*node) == Kind::Section) {
            let block = Block { source, node };
            if block.name() == name {
                found.push(block);
            } else if block.name() == "dynamic" && block.label(0) == name {
                found.extend(block.inner("content"));
            }
        }
        found
    }

    /// Blocks of a name, however deep.
    pub fn deep(&self, name: &str) -> Vec<Block<'s>> {
        let source = self.source;
        let tree = &source.tree;
        tree.subtree(self.node)
            .filter(|node| tree.kind(*node) == Kind::Section && tree.name(*node) == name)
            .map(|node| Block { source, node })
            .collect()
    }
}

impl Attribute<'_> {
    pub fn is(&self, wanted: &str) -> bool {
        self.text() == wanted
    }

    pub fn text(&self) -> String {
        word(&self.source.tree, known(self.source, self.value))
    }

    pub fn texts(&self) -> Vec<String> {
        let tree = &self.source.tree;
        let value = known(self.source, self.value);
        match tree.kind(value) {
            Kind::List => tree
                .children(value)
                .map(|item| word(tree, known(self.source, item)))
                .collect(),
            _ => vec![self.text()],
        }
    }
}

/// What `local.name` stands for, where the file says it.
fn known(source: &Source, id: NodeId) -> NodeId {
    let tree = &source.tree;
    let is_local = tree.kind(id) == Kind::Member
        && tree
            .child(id, Role::Object)
            .is_some_and(|object| tree.kind(object) == Kind::Name && tree.name(object) == "local");
    if !is_local {
        return id;
    }
    let locals = blocks(source)
        .into_iter()
        .filter(|block| block.name() == "locals");
    let set = locals
        .into_iter()
        .find_map(|block| block.attribute(tree.name(id)));
    set.map_or(id, |set| set.value)
}
