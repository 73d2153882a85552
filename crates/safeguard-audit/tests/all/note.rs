//! Checkpoints and keys against the crate `signed_note`.

use safeguard_audit::hash::leaf_hash;
use safeguard_audit::{NoteError, Signer, Vkey, note};
use signed_note::{Note, StandardVerifier, VerifierList};

use crate::export::{ORIGIN, SECRET};

#[test]
fn others_read_what_we_sign_and_we_read_what_others_sign() {
    let signer = Signer::new(ORIGIN, &SECRET).unwrap();
    let root = leaf_hash(b"x");
    let ours = signer.sign(42, &root);
    let vkey = signer.vkey().to_string();
    let verifiers = VerifierList::new(vec![Box::new(StandardVerifier::new(&vkey).unwrap())]);
    let note = Note::from_bytes(ours.as_bytes()).unwrap();
    note.verify(&verifiers).unwrap();
    let checkpoint = tlog_tiles::Checkpoint::from_bytes(note.text()).unwrap();
    assert_eq!(
        (checkpoint.origin(), checkpoint.size(), checkpoint.hash().0),
        (ORIGIN, 42, root.0)
    );
    let opened = Vkey::parse(&vkey).unwrap().open(&note.to_bytes()).unwrap();
    assert_eq!(
        (opened.origin.as_str(), opened.size, opened.root),
        (ORIGIN, 42, root)
    );
}

#[test]
fn signatures_of_strangers_do_not_matter_and_do_not_count() {
    let ours = Signer::new(ORIGIN, &SECRET).unwrap();
    let witness = Signer::new("witness.example", &[9; 32]).unwrap();
    let impostor = Signer::new(ORIGIN, &[9; 32]).unwrap();
    let root = leaf_hash(b"x");
    let note = ours.sign(42, &root);
    let line = |signer: &Signer| signer.sign(42, &root).lines().last().unwrap().to_owned() + "\n";
    let many: String = (0..16).map(|_| line(&witness)).collect();
    assert_eq!(
        ours.vkey().open(format!("{note}{many}").as_bytes()).unwrap().size,
        42
    );
    assert_eq!(
        ours.vkey()
            .open(format!("{note}{}", line(&impostor)).as_bytes())
            .unwrap()
            .size,
        42
    );
    let unsigned = ours.vkey().open(impostor.sign(42, &root).as_bytes());
    assert_eq!(
        unsigned,
        Err(NoteError::Unsigned {
            name: ORIGIN.to_owned()
        })
    );
    // A second signature in our name that is wrong is not passed over.
    let other = ours.sign(43, &root);
    let forged = other.lines().last().unwrap();
    let refused = ours.vkey().open(format!("{note}{forged}\n").as_bytes());
    assert_eq!(
        refused,
        Err(NoteError::Signature {
            name: ORIGIN.to_owned()
        })
    );
    let endless: String = (0..70).map(|_| line(&witness)).collect();
    assert!(ours.vkey().open(format!("{note}{endless}").as_bytes()).is_err());
}

#[test]
fn a_key_has_one_spelling() {
    let vkey = Signer::new(ORIGIN, &SECRET).unwrap().vkey().to_string();
    assert_eq!(Vkey::parse(&vkey).unwrap().to_string(), vkey);
    let (name, rest) = vkey.split_once('+').unwrap();
    let (id, key) = rest.split_once('+').unwrap();
    for wrong in [
        format!("{name}+{}+{key}", id.to_uppercase()),
        format!("{name}2+{id}+{key}"),
        format!("{name}+{id}+{key}="),
        format!("{name}+{id}"),
        format!("+{id}+{key}"),
        format!("{vkey}\n"),
        String::new(),
    ] {
        assert!(Vkey::parse(&wrong).is_err(), "{wrong}");
    }
    for origin in ["", "a b", "a+b", "a\nb", &"a".repeat(256)] {
        assert!(Signer::new(origin, &SECRET).is_err(), "{origin}");
    }
}

#[test]
fn every_altered_byte_of_a_checkpoint_is_found() {
    let signer = Signer::new(ORIGIN, &SECRET).unwrap();
    let note = signer.sign(42, &leaf_hash(b"x"));
    for at in 0..note.len() {
        for bit in 0..8 {
            let mut altered = note.clone().into_bytes();
            altered[at] ^= 1 << bit;
            assert!(signer.vkey().open(&altered).is_err(), "bit {bit} of byte {at}");
        }
        assert!(signer.vkey().open(&note.as_bytes()[..at]).is_err(), "cut at {at}");
    }
    assert!(note::parse_unverified(note.as_bytes()).is_ok());
}
