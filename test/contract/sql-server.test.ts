import { describeRotator } from './rotator-suite.ts';
import { sqlServerHarness } from './sql-server.harness.ts';
import { realSqlServerHarness } from './sql-server.real-harness.ts';

describeRotator(sqlServerHarness({ edition: 'box', contained: false }));
describeRotator(sqlServerHarness({ edition: 'box', contained: true }));
describeRotator(sqlServerHarness({ edition: 'azure', contained: false }));
describeRotator(sqlServerHarness({ edition: 'box', contained: false, single: true }));
describeRotator(sqlServerHarness({ edition: 'azure', contained: true, single: true }));

const { TEST_MSSQL_URL, TEST_MSSQL_CA } = process.env;
if (TEST_MSSQL_URL !== undefined && TEST_MSSQL_URL !== '') {
  describeRotator(realSqlServerHarness(TEST_MSSQL_URL, TEST_MSSQL_CA));
}
