//! Who may do what: roles, rights, and the table between them.

crate::words::words!(
    /// What a user is.
    Role {
        /// Everything, owners included.
        Owner = "owner",
        /// Everything but owners' own affairs.
        Admin = "admin",
        /// Starts and stops runs.
        Operator = "operator",
        /// Brings data back.
        Restorer = "restorer",
        /// Sees state, not data.
        Viewer = "viewer",
        /// Sees state and the audit log.
        Auditor = "auditor",
        /// Sees figures only: for machines.
        Metrics = "metrics",
    }
);

crate::words::words!(
    /// What an act needs. Reading data and restoring are rights of their own.
    Permission {
        /// Nothing: whoever can reach the server.
        Public = "public",
        /// To be signed in: one's own session and tokens.
        Own = "own",
        /// Repositories, sources, policies, runs, snapshots, as descriptions.
        StateRead = "state.read",
        /// To change repositories, sources and policies.
        ConfigWrite = "config.write",
        /// To start, retry and cancel runs.
        RunOperate = "run.operate",
        /// To see what is in snapshots.
        DataRead = "data.read",
        /// To bring data back.
        Restore = "restore",
        /// To make, change and remove users.
        UserManage = "user.manage",
        /// To read the audit log and verify it.
        AuditRead = "audit.read",
        /// To read figures.
        MetricsRead = "metrics.read",
    }
);

impl Role {
    /// Whether the role has the right.
    pub fn may(self, permission: Permission) -> bool {
        use Permission as P;
        let granted: &[P] = match self {
            Self::Owner | Self::Admin => P::ALL,
            Self::Operator => &[P::StateRead, P::RunOperate, P::MetricsRead],
            Self::Restorer => &[P::StateRead, P::DataRead, P::Restore],
            Self::Viewer => &[P::StateRead],
            Self::Auditor => &[P::StateRead, P::AuditRead],
            Self::Metrics => &[P::MetricsRead],
        };
        matches!(permission, P::Public | P::Own) || granted.contains(&permission)
    }

    /// Whether one of this role may make, change or remove one of the other: nobody makes his better.
    pub fn may_manage(self, other: Role) -> bool {
        self.may(Permission::UserManage) && (self == Role::Owner || other != Role::Owner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_state_is_not_reading_data() {
        for role in [Role::Viewer, Role::Operator, Role::Auditor, Role::Metrics] {
            assert!(!role.may(Permission::DataRead) && !role.may(Permission::Restore), "{role:?}");
        }
        assert!(Role::Restorer.may(Permission::Restore) && !Role::Restorer.may(Permission::RunOperate));
    }

    #[test]
    fn nobody_makes_his_better() {
        assert!(Role::Owner.may_manage(Role::Owner));
        assert!(Role::Admin.may_manage(Role::Admin) && !Role::Admin.may_manage(Role::Owner));
        assert!(!Role::Operator.may_manage(Role::Viewer));
    }

    #[test]
    fn words_lead_back() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.as_str()), Some(*role));
        }
        for permission in Permission::ALL {
            assert_eq!(Permission::parse(permission.as_str()), Some(*permission));
        }
        assert_eq!(Role::parse("root"), None);
    }
}
