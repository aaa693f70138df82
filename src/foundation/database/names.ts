/** The schema that holds all of Docket's tables. */
export const SCHEMA = 'docket';
/** The role whose rights the service takes on after connecting: it can read the audit log, not write it. */
export const SERVICE_ROLE = 'docket_service';
