//! Names under which a client says who it is, what it may do and where it is.

use crate::analysis::words::words;

/// Whether a name says what somebody may do.
pub(super) fn is_role(name: &str) -> bool {
    let parts = words(name);
    let joined = parts.join("");
    matches!(
        joined.as_str(),
        "role"
            | "roles"
            | "userrole"
            | "xrole"
            | "xuserrole"
            | "isadmin"
            | "admin"
            | "xadmin"
            | "xisadmin"
            | "xuserisadmin"
            | "issuperuser"
            | "superuser"
            | "isstaff"
            | "isowner"
            | "permission"
            | "permissions"
            | "xpermissions"
            | "xuserroles"
            | "xroles"
            | "accesslevel"
            | "isauthenticated"
            | "authenticated"
            | "isloggedin"
            | "loggedin"
            | "usertype"
            | "privilege"
            | "privileges"
            | "isroot"
            | "ismoderator"
            | "xinternal"
            | "xinternalrequest"
            | "xadminuser"
            | "xauthenticated"
            | "xforwardedrole"
    )
}

/// Headers that name the user.
pub(super) fn is_identity_header(name: &str) -> bool {
    let joined = words(name).join("");
    matches!(
        joined.as_str(),
        "xuserid"
            | "xuser"
            | "xusername"
            | "xuseremail"
            | "xauthenticateduser"
            | "xauthuser"
            | "xremoteuser"
            | "xaccountid"
            | "xcustomerid"
            | "xemail"
            | "xcurrentuser"
            | "userid"
            | "xforwardeduser"
            | "xuseruid"
            | "xtenantuser"
            | "xloginuser"
    )
}

/// Headers that name the address or the host, which the client may write as it likes.
pub(super) fn is_address_header(name: &str) -> bool {
    matches!(
        words(name).join("").as_str(),
        "xforwardedfor"
            | "xrealip"
            | "xclientip"
            | "clientip"
            | "truecllientip"
            | "forwarded"
            | "xoriginatingip"
            | "xforwardedhost"
    )
}

pub(super) fn is_local_host(text: &str) -> bool {
    matches!(
        text.split(':').next(),
        Some("localhost" | "127.0.0.1" | "internal")
    )
}
