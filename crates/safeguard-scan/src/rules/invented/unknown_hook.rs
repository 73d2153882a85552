//! Names that are imported from React and that it does not export: `import { useDebounce } from 'react'`.

use super::data::{self, Names};
use super::unknown_member;
use crate::analysis::imports::required;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::corruptor::SCRIPT;
use crate::rules::{Check, Reports};
use crate::tree::{Flags, Kind, NodeId, Role};

pub static CHECK: Check = Check {
    languages: SCRIPT,
    run,
    ..unknown_member::CHECK
};

/// What is no type, of all versions.
const OF_REACT: Names = Names(
    "act addTransitionType cache cacheSignal captureOwnerStack cloneElement createClass createContext createElement \
     createFactory createRef default findDOMNode forwardRef isValidElement lazy memo render startTransition use \
     useActionState useCallback useContext useDebugValue useDeferredValue useEffect useEffectEvent useId \
     useImperativeHandle useInsertionEffect useLayoutEffect useMemo useMutableSource useOptimistic useReducer useRef \
     useState useSyncExternalStore useTransition version",
);

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    // An alias may put another package in the place of React.
    if source.is_test() || !project.javascript.aliased(&source.path, "react").is_empty() {
        return;
    }
    for import in source.of_kind(Kind::Import).iter().copied() {
        if tree.name(import) != "react" || tree.flags(import).has(Flags::TYPE_ONLY) {
            continue;
        }
        for item in tree.children_in(import, Role::Item) {
            if !tree.flags(item).has(Flags::TYPE_ONLY) {
                tell(tree.name(item), item, reports);
            }
        }
    }
    for call in source.of_kind(Kind::Call).iter().copied() {
        let taken = tree
            .parent(call)
            .filter(|_| required(tree, call) == Some("react"))
            .and_then(|assign| tree.child(assign, Role::Target))
            .filter(|target| tree.kind(*target) == Kind::Object);
        for pair in taken.into_iter().flat_map(|target| tree.children(target)) {
            if let Some(key) = tree.child(pair, Role::Key) {
                tell(tree.name(key), pair, reports);
            }
        }
    }
}

fn tell(name: &str, at: NodeId, reports: &mut Reports) {
    let is_value = name.starts_with(|first: char| first.is_ascii_lowercase());
    let trial = ["unstable", "experimental", "taint"]
        .iter()
        .any(|begin| name.starts_with(begin));
    if is_value && !trial && !OF_REACT.contains(name) {
        reports.add(
            at,
            format!("`react` exports no `{name}`{}", data::hint(name, OF_REACT.iter())),
        );
    }
}
