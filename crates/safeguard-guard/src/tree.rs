//! The children of every kind of node that PostgreSQL's raw parser makes.

use pg_raw_parse::list::{CastNodeList, NodeList};
use pg_raw_parse::{Node, nodes};

/// Adds the children of a node to a list; false when nothing is known of its kind.
///
/// A kind that is missing here, such as one that only a later PostgreSQL has, makes its statement one that is not understood.
pub(crate) fn children<'a>(node: Node<'a>, into: &mut Vec<Node<'a>>) -> bool {
    let before = into.len();
    let known = add_children(node, into);
    // The walk takes from the end: the first child is to be the first that it sees.
    into[before..].reverse();
    known
}

/// What an accessor of a node gives.
trait Child<'a> {
    fn add(self, into: &mut Vec<Node<'a>>);
}

impl<'a> Child<'a> for Node<'a> {
    fn add(self, into: &mut Vec<Node<'a>>) {
        if !matches!(self, Node::None) {
            into.push(self);
        }
    }
}

impl<'a> Child<'a> for &'a NodeList {
    fn add(self, into: &mut Vec<Node<'a>>) {
        self.iter().for_each(|node| node.add(into));
    }
}

impl<'a, T> Child<'a> for &'a CastNodeList<T>
where
    &'a CastNodeList<T>: IntoIterator<Item = &'a T>,
    Node<'a>: From<&'a T>,
{
    fn add(self, into: &mut Vec<Node<'a>>) {
        self.into_iter().for_each(|node| Node::from(node).add(into));
    }
}

impl<'a, T> Child<'a> for Option<&'a T>
where
    Node<'a>: From<&'a T>,
{
    fn add(self, into: &mut Vec<Node<'a>>) {
        if let Some(node) = self {
            Node::from(node).add(into);
        }
    }
}

macro_rules! kinds {
    ($($kind:ident: $($field:ident)*;)*) => {
        fn add_children<'a>(node: Node<'a>, into: &mut Vec<Node<'a>>) -> bool {
            match node {
                Node::None => true,
                Node::NodeList(list) => {
                    list.add(into);
                    true
                }
                $(Node::$kind(node) => {
                    let _: &nodes::$kind = node;
                    $(node.$field().add(into);)*
                    true
                })*
                _ => false,
            }
        }
    };
}

kinds! {
    ATAlterConstraint:;
    A_ArrayExpr: elements;
    A_Const:;
    A_Expr: name lexpr rexpr;
    A_Indices: lidx uidx;
    A_Indirection: arg indirection;
    A_Star:;
    AccessPriv: cols;
    Alias: colnames;
    AlterCollationStmt: collname;
    AlterDatabaseRefreshCollStmt:;
    AlterDatabaseSetStmt: setstmt;
    AlterDatabaseStmt: options;
    AlterDefaultPrivilegesStmt: options action;
    AlterDomainStmt: type_name def;
    AlterEnumStmt: type_name;
    AlterEventTrigStmt:;
    AlterExtensionContentsStmt: object;
    AlterExtensionStmt: options;
    AlterFdwStmt: func_options options;
    AlterForeignServerStmt: options;
    AlterFunctionStmt: func actions;
    AlterObjectDependsStmt: relation object extname;
    AlterObjectSchemaStmt: relation object;
    AlterOpFamilyStmt: opfamilyname items;
    AlterOperatorStmt: opername options;
    AlterOwnerStmt: relation object newowner;
    AlterPolicyStmt: table roles qual with_check;
    AlterPublicationStmt: options pubobjects;
    AlterRoleSetStmt: role setstmt;
    AlterRoleStmt: role options;
    AlterSeqStmt: sequence options;
    AlterStatsStmt: defnames stxstattarget;
    AlterSubscriptionStmt: publication options;
    AlterSystemStmt: setstmt;
    AlterTSConfigurationStmt: cfgname tokentype dicts;
    AlterTSDictionaryStmt: dictname options;
    AlterTableCmd: newowner def;
    AlterTableMoveAllStmt: roles;
    AlterTableSpaceOptionsStmt: options;
    AlterTableStmt: relation cmds;
    AlterTypeStmt: type_name options;
    AlterUserMappingStmt: user options;
    BitString:;
    BoolExpr: args;
    Boolean:;
    BooleanTest: arg;
    CTECycleClause: cycle_col_list cycle_mark_value cycle_mark_default;
    CTESearchClause: search_col_list;
    CallContext:;
    CallStmt: funccall funcexpr outargs;
    CaseExpr: arg args defresult;
    CaseTestExpr:;
    CaseWhen: expr result;
    CheckPointStmt:;
    ClosePortalStmt:;
    ClusterStmt: relation params;
    CoalesceExpr: args;
    CollateClause: arg collname;
    ColumnDef: type_name raw_default cooked_default identity_sequence coll_clause constraints fdwoptions;
    ColumnRef: fields;
    CommentStmt: object;
    CommonTableExpr: aliascolnames ctequery search_clause cycle_clause ctecolnames;
    CompositeTypeStmt: typevar coldeflist;
    Constraint: raw_expr keys including exclusions options where_clause pktable fk_attrs pk_attrs fk_del_set_cols old_conpfeqop;
    ConstraintsSetStmt: constraints;
    CopyStmt: relation query attlist options where_clause;
    CreateAmStmt: handler_name;
    CreateCastStmt: sourcetype targettype func;
    CreateConversionStmt: conversion_name func_name;
    CreateDomainStmt: domainname type_name coll_clause constraints;
    CreateEnumStmt: type_name vals;
    CreateEventTrigStmt: whenclause funcname;
    CreateExtensionStmt: options;
    CreateFdwStmt: func_options options;
    CreateForeignServerStmt: options;
    CreateFunctionStmt: funcname parameters return_type options sql_body;
    CreateOpClassItem: name order_family class_args storedtype;
    CreateOpClassStmt: opclassname opfamilyname datatype items;
    CreateOpFamilyStmt: opfamilyname;
    CreatePLangStmt: plhandler plinline plvalidator;
    CreatePolicyStmt: table roles qual with_check;
    CreatePublicationStmt: options pubobjects;
    CreateRangeStmt: type_name params;
    CreateRoleStmt: options;
    CreateSchemaStmt: authrole schema_elts;
    CreateSeqStmt: sequence options;
    CreateStatsStmt: defnames stat_types exprs relations;
    CreateStmt: relation table_elts inh_relations partbound partspec of_typename constraints nnconstraints options;
    CreateSubscriptionStmt: publication options;
    CreateTableAsStmt: query into;
    CreateTableSpaceStmt: owner options;
    CreateTransformStmt: type_name fromsql tosql;
    CreateTrigStmt: relation funcname args columns when_clause transition_rels constrrel;
    CreateUserMappingStmt: user options;
    CreatedbStmt: options;
    CurrentOfExpr:;
    DeallocateStmt:;
    DeclareCursorStmt: query;
    DefElem: arg;
    DefineStmt: defnames args definition;
    DeleteStmt: relation using_clause where_clause returning_clause with_clause;
    DiscardStmt:;
    DoStmt: args;
    DropOwnedStmt: roles;
    DropRoleStmt: roles;
    DropStmt: objects;
    DropSubscriptionStmt:;
    DropTableSpaceStmt:;
    DropUserMappingStmt: user;
    DropdbStmt: options;
    ExecuteStmt: params;
    ExplainStmt: query options;
    FetchStmt:;
    Float:;
    FuncCall: funcname args agg_order agg_filter over;
    FunctionParameter: arg_type defexpr;
    GrantRoleStmt: granted_roles grantee_roles opt grantor;
    GrantStmt: objects privileges grantees grantor;
    GroupingFunc: args refs cols;
    GroupingSet: content;
    ImportForeignSchemaStmt: table_list options;
    IndexElem: expr collation opclass opclassopts;
    IndexStmt: relation index_params index_including_params options where_clause exclude_op_names;
    InferClause: index_elems where_clause;
    InsertStmt: relation cols select_stmt on_conflict_clause returning_clause with_clause;
    Integer:;
    IntoClause: rel col_names options;
    JoinExpr: larg rarg using_clause join_using_alias quals alias;
    JsonAggConstructor: output agg_filter agg_order over;
    JsonArgument: val;
    JsonArrayAgg: constructor arg;
    JsonArrayConstructor: exprs output;
    JsonArrayQueryConstructor: query output format;
    JsonBehavior: expr;
    JsonFormat:;
    JsonFuncExpr: context_item pathspec passing output on_empty on_error;
    JsonIsPredicate: expr format;
    JsonKeyValue: key value;
    JsonObjectAgg: constructor arg;
    JsonObjectConstructor: exprs output;
    JsonOutput: type_name returning;
    JsonParseExpr: expr output;
    JsonReturning: format;
    JsonScalarExpr: expr output;
    JsonSerializeExpr: expr output;
    JsonTable: context_item pathspec passing columns on_error alias;
    JsonTableColumn: type_name pathspec format columns on_empty on_error;
    JsonTablePathSpec: string;
    JsonValueExpr: raw_expr formatted_expr format;
    ListenStmt:;
    LoadStmt:;
    LockStmt: relations;
    LockingClause: locked_rels;
    MergeAction: qual update_colnos;
    MergeStmt: relation source_relation join_condition merge_when_clauses returning_clause with_clause;
    MergeSupportFunc:;
    MergeWhenClause: condition target_list values;
    MinMaxExpr: args;
    MultiAssignRef: source;
    NamedArgExpr: arg;
    NotifyStmt:;
    NullTest: arg;
    ObjectWithArgs: objname objargs objfuncargs;
    OnConflictClause: infer target_list where_clause;
    ParamRef:;
    PartitionBoundSpec: listdatums lowerdatums upperdatums;
    PartitionCmd: name bound;
    PartitionElem: expr collation opclass;
    PartitionRangeDatum: value;
    PartitionSpec: part_params;
    PrepareStmt: argtypes query;
    PublicationObjSpec: pubtable;
    PublicationTable: relation where_clause columns;
    RangeFunction: functions alias coldeflist;
    RangeSubselect: subquery alias;
    RangeTableFunc: docexpr rowexpr namespaces columns alias;
    RangeTableFuncCol: type_name colexpr coldefexpr;
    RangeTableSample: relation method args repeatable;
    RangeVar: alias;
    ReassignOwnedStmt: roles newrole;
    RefreshMatViewStmt: relation;
    ReindexStmt: relation params;
    RenameStmt: relation object;
    ReplicaIdentityStmt:;
    ResTarget: indirection val;
    ReturnStmt: returnval;
    ReturningClause: options exprs;
    ReturningOption:;
    RoleSpec:;
    RowExpr: args colnames;
    RuleStmt: relation where_clause actions;
    SQLValueFunction:;
    SecLabelStmt: object;
    SelectStmt: distinct_clause into_clause target_list from_clause where_clause group_clause having_clause window_clause values_lists sort_clause limit_offset limit_count locking_clause with_clause larg rarg;
    SetToDefault:;
    SortBy: node use_op;
    StatsElem: expr;
    String:;
    SubLink: testexpr oper_name subselect;
    TableLikeClause: relation;
    TableSampleClause: args repeatable;
    TransactionStmt: options;
    TriggerTransition:;
    TruncateStmt: relations;
    TypeCast: arg type_name;
    TypeName: names typmods array_bounds;
    UnlistenStmt:;
    UpdateStmt: relation target_list where_clause from_clause returning_clause with_clause;
    VacuumRelation: relation va_cols;
    VacuumStmt: options rels;
    VariableSetStmt: args;
    VariableShowStmt:;
    ViewStmt: view aliases query options;
    WindowDef: partition_clause order_clause start_offset end_offset;
    WithClause: ctes;
    XmlExpr: named_args arg_names args;
    XmlSerialize: expr type_name;
}
