//! Files of several dialects, and the statements that are read.

use crate::language::{Language, parse};
use crate::tree::{Kind, NodeId, Tree};

fn told(text: &str) -> String {
    let tree = parse(Language::Sql, text).expect("it is read");
    let mut out = String::new();
    for id in tree.all() {
        if matches!(tree.kind(id), Kind::Statement | Kind::Function) {
            let depth = tree
                .ancestors(id)
                .filter(|around| tree.kind(*around) != Kind::Block)
                .count()
                - 1;
            out.push_str(&format!(
                "{}{} @{}\n",
                "  ".repeat(depth),
                tree.name(id),
                line(&tree, id)
            ));
        }
    }
    out
}

fn line(tree: &Tree, id: NodeId) -> usize {
    tree.text()[..tree.span(id).start].matches('\n').count() + 1
}

#[test]
fn statements_comments_and_quotes() {
    let text = "-- a; b\nCREATE TABLE \"a b\" (x int /* ; */, y text DEFAULT 'it''s; fine');\n\nSELECT $1::int, E'a\\'; b', :id;insert into a values (1)";
    insta::assert_snapshot!(told(text), @r#"
    CREATE TABLE "a b" ( x int , y text DEFAULT 'it''s; fine' ) @2
    SELECT ? : int , E 'a\''; b' , ? @4
    insert into a values ( 1 ) @4
    "#);
}

#[test]
fn the_way_down_is_a_function_of_that_name() {
    let text = "-- +goose Up\nCREATE TABLE a (x int);\n\n-- +goose Down\nDROP TABLE a;\n";
    insta::assert_snapshot!(told(text), @r"
    CREATE TABLE a ( x int ) @2
    down @4
      DROP TABLE a @5
    ");
    let first = "-- migrate:down\nDROP TABLE a;\n-- migrate:up\nCREATE TABLE a (x int);\n";
    insta::assert_snapshot!(told(first), @r"
    down @1
      DROP TABLE a @2
    CREATE TABLE a ( x int ) @4
    ");
}

#[test]
fn bodies_are_taken_apart() {
    let text = "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$\nBEGIN\n  IF a THEN DELETE FROM b; ELSE UPDATE b SET x = CASE WHEN y THEN 1 ELSE 2 END WHERE z = 1; END IF;\nEND $$;\nSELECT 1;";
    insta::assert_snapshot!(told(text), @r"
    CREATE FUNCTION f ( ) RETURNS void LANGUAGE plpgsql AS '' @1
      IF a @3
      DELETE FROM b @3
      UPDATE b SET x = CASE WHEN y THEN 1 ELSE 2 END WHERE z = 1 @3
      END IF @3
      END @4
    SELECT 1 @5
    ");
    let mysql = "DELIMITER //\nCREATE PROCEDURE p(IN n INT)\nBEGIN\n  DELETE FROM a WHERE id = n;\n  UPDATE b SET c = 1;\nEND //\nDELIMITER ;\nSELECT 2;";
    insta::assert_snapshot!(told(mysql), @r"
    CREATE PROCEDURE p ( IN n INT ) @2
      DELETE FROM a WHERE id = n @4
      UPDATE b SET c = 1 @5
      END @6
    SELECT 2 @8
    ");
    let without = "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW BEGIN SET x = 1; IF y THEN SET z = 2; END IF; END;\nSELECT 3;";
    insta::assert_snapshot!(told(without), @r"
    CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW @1
      SET x = 1 @1
      IF y @1
      SET z = 2 @1
      END IF @1
      END @1
    SELECT 3 @2
    ");
}

#[test]
fn what_clients_read_themselves() {
    let dump = "\\connect app\nCOPY public.a (x, y) FROM stdin;\n1\tit's\n2\t'; DROP TABLE a;\n\\.\n\n/*!40101 SET NAMES utf8 */;\nSELECT 1;";
    insta::assert_snapshot!(told(dump), @r"
    COPY public . a ( x , y ) FROM stdin @2
    SET NAMES utf8 @7
    SELECT 1 @8
    ");
    let batches = "DELETE FROM a\nDELETE FROM b WHERE x = 1\nGO\nDROP TABLE c\nGO 5\n";
    insta::assert_snapshot!(told(batches), @r"
    DELETE FROM a @1
    DELETE FROM b WHERE x = 1 @2
    DROP TABLE c @4
    ");
    let escaped = "INSERT INTO a VALUES ('it\\'s; so'); # a comment\nSELECT 1;";
    insta::assert_snapshot!(told(escaped), @r"
    INSERT INTO a VALUES ( 'it\''s; so' ) @1
    # a comment SELECT 1 @1
    ");
    let template = "{% if full %}\nSELECT * FROM {{ ref('orders') }};\n{% endif %}";
    insta::assert_snapshot!(told(template), @"SELECT * FROM ￼ @2");
}

#[test]
fn what_does_not_end_is_not_read() {
    for (text, line) in [
        ("SELECT 1;\nSELECT 'abc;\n", 2),
        ("/* never", 1),
        ("DO $x$ BEGIN\nEND $y$;", 1),
        ("SELECT \"a", 1),
    ] {
        let error = parse(Language::Sql, text).expect_err(text).to_string();
        assert!(error.starts_with(&format!("line {line}: ")), "{text}: {error}");
    }
}
