//! TypeORM: methods that its repositories do not have.

use std::collections::BTreeMap;

use super::data::{self, Names};
use super::unknown_member;
use crate::analysis::code::Code;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, Role};

pub static CHECK: Check = Check {
    languages: &[Language::Tsx, Language::TypeScript],
    run,
    ..unknown_member::CHECK
};

/// What a `Repository` has in any release of TypeORM.
const MEMBERS: &str = "average clear count countBy create createQueryBuilder decrement delete deleteAll exist exists existsBy extend find \
     findAndCount findAndCountBy findBy findByIds findOne findOneBy findOneByOrFail findOneById findOneOrFail getId hasId increment insert \
     manager maximum merge metadata minimum preload query queryRunner recover remove restore save softDelete softRemove sum target update \
     updateAll upsert constructor toString hasOwnProperty";

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let tree = code.tree;
    if !source
        .names
        .imported("Repository")
        .is_some_and(|from| from.starts_with("typeorm"))
    {
        return;
    }
    // `private readonly users: Repository<User>`, by its name; what is declared twice says nothing.
    let mut declared: BTreeMap<&str, usize> = BTreeMap::new();
    let mut others: Vec<&str> = Vec::new();
    for node in source
        .of_kind(Kind::Param)
        .iter()
        .chain(source.of_kind(Kind::Field))
        .copied()
    {
        match tree.child(node, Role::Type) {
            Some(of) if tree.name(of).starts_with("Repository<") => {
                *declared.entry(tree.name(node)).or_default() += 1
            }
            _ => others.push(tree.name(node)),
        }
    }
    let members = Names(MEMBERS);
    for call in source.calls().iter().copied() {
        let Some(of) = code.receiver(call) else {
            continue;
        };
        let is_own = code.kind(of) == Kind::Member
            && code
                .child(of, Role::Object)
                .is_some_and(|this| tree.source(this) == "this");
        let (repository, name) = (code.name(of), code.called(call));
        if is_own
            && declared.get(repository) == Some(&1)
            && !others.contains(&repository)
            && !name.is_empty()
            && !members.contains(name)
        {
            reports.add(
                call,
                format!(
                    "TypeORM's `Repository` has no `{name}`{}",
                    data::hint(name, members.iter())
                ),
            );
        }
    }
}
