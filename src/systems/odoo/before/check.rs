//! Is Odoo ready for a job? Credential, database, the accounting module, the user's rights, company and journals:
//! all of it asked before any item is read, so that a wrong setting is one clear answer and not a hundred rejections.

use serde_json::json;

use crate::model::verdict::JobFailureType;
use crate::systems::odoo::api::company::Company;
use crate::systems::odoo::api::errors::{CallError, Rejection};
use crate::systems::odoo::api::transport::Transport;
use crate::systems::odoo::settings::Settings;
use crate::systems::{JobNeeds, SystemError};

/// The company, once everything that the job needs is known to be there.
pub(crate) fn check(
    transport: &Transport,
    settings: &Settings,
    needs: &JobNeeds,
) -> Result<Company, SystemError> {
    may_create(transport, "account.move", "create journal entries")?;
    if needs.payables {
        may_create(transport, "account.payment", "register payments")?;
    }
    if needs.attachments {
        may_create(transport, "ir.attachment", "add attachments")?;
    }
    if settings.create_vendors {
        may_create(
            transport,
            "res.partner",
            "add contacts (accounting.odoo.create_vendors is true)",
        )?;
    }
    Company::read(transport, settings)
}

fn may_create(transport: &Transport, model: &str, what: &str) -> Result<(), SystemError> {
    let fatal = |failure_type, reason| Err(SystemError::Fatal { failure_type, reason });
    match transport.call(model, "has_access", &json!({ "operation": "create" })) {
        Ok(true) => Ok(()),
        Ok(false) => fatal(
            JobFailureType::AuthorizationFailure,
            format!(
                "The Odoo user of the API key may not {what}: give the user the right (Accounting: Invoicing or more) in Odoo, then export again."
            ),
        ),
        // The database and the key are good, so it is the model that is not there.
        Err(CallError::Rejected {
            rejection: Rejection::Address,
            message,
        }) if message.contains(model) => fatal(
            JobFailureType::InvalidConfiguration,
            format!(
                "Odoo cannot {what}: install its app Invoicing (account) in this database, then export again."
            ),
        ),
        Err(error) => Err(error.into()),
    }
}
