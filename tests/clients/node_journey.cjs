// node-quickbooks and intuit-oauth, unmodified, told only where QuickBooks is.
// Usage: node node_journey.cjs MODULES BASE_URL; prints {"case": "ok" | "what went wrong"}.
"use strict";
const assert = require("node:assert");
const { createRequire } = require("node:module");

const [modules, base] = process.argv.slice(2);
const foreign = createRequire(`${modules}/`);
const OAuthClient = foreign("intuit-oauth");
const QuickBooks = foreign("node-quickbooks");

const REALM = "9341450000000001";
const results = {};

OAuthClient.environment.sandbox = `${base}/`;
QuickBooks.V3_ENDPOINT_BASE_URL = `${base}/v3/company/`;
QuickBooks.TOKEN_URL = `${base}/oauth2/v1/tokens/bearer`;
QuickBooks.REVOKE_URL = `${base}/v2/oauth2/tokens/revoke`;
QuickBooks.USER_INFO_URL = `${base}/v1/openid_connect/userinfo`;

const oauth = new OAuthClient({
  clientId: "their-app", clientSecret: "secret", environment: "sandbox",
  redirectUri: "http://localhost:1/callback",
});
oauth.setAuthorizeURLs({
  authorizeEndpoint: `${base}/connect/oauth2`,
  tokenEndpoint: `${base}/oauth2/v1/tokens/bearer`,
  revokeEndpoint: `${base}/v2/oauth2/tokens/revoke`,
  userInfoEndpoint: `${base}/v1/openid_connect/userinfo`,
});

let qbo;
const call = (name, ...args) => new Promise((resolve, reject) => {
  qbo[name](...args, (error, body) => (error ? reject(error) : resolve(body)));
});
const refused = async (work) => {
  try { await work(); } catch (error) {
    return error.Fault ?? error.response?.data?.Fault ?? error;
  }
  throw new Error("it was not refused");
};
const line = (amount) => ({
  Amount: amount, DetailType: "SalesItemLineDetail",
  SalesItemLineDetail: { ItemRef: { value: "1" }, TaxCodeRef: { value: "NON" } },
});
const sale = (owner, amount) => ({ CustomerRef: { value: owner.Id }, Line: [line(amount)] });
let serial = 0;
const customer = () => call("createCustomer", { DisplayName: `Shop ${++serial}` });

const NAMES = {
  Customer: ["DisplayName", "findCustomers", {}],
  Vendor: ["DisplayName", "findVendors", {}],
  Employee: ["DisplayName", "findEmployees", { GivenName: "A", FamilyName: "B" }],
  Item: ["Name", "findItems", { Type: "Service", IncomeAccountRef: { value: "1" } }],
  Account: ["Name", "findAccounts", { AccountType: "Income" }],
  Term: ["Name", "findTerms", { DueDays: 7 }],
  PaymentMethod: ["Name", "findPaymentMethods", {}],
  Class: ["Name", "findClasses", {}],
  Department: ["Name", "findDepartments", {}],
};
const SALES = ["Estimate", "Invoice", "CreditMemo", "SalesReceipt", "RefundReceipt"];

const cases = {
  async sign_in_and_refresh() {
    const address = oauth.authorizeUri({ scope: [OAuthClient.scopes.Accounting], state: "s" });
    const reply = await fetch(`${address}&approve=${REALM}`, { redirect: "manual" });
    await oauth.createToken(reply.headers.get("location"));
    const token = oauth.getToken();
    assert.equal(token.realmId, REALM);
    assert.equal(token.expires_in, 3600);
    await oauth.refresh();
    assert.ok(oauth.isAccessTokenValid());
    const info = await oauth.makeApiCall({ url: `${base}/v3/company/${REALM}/companyinfo/${REALM}` });
    assert.equal(info.json.CompanyInfo.CompanyName, "Sandbox Cabinet Shop");
    const { access_token, refresh_token } = oauth.getToken();
    qbo = new QuickBooks("their-app", "secret", access_token, false, REALM, true, false, null,
      "2.0", refresh_token);
  },
  async refresh_by_node_quickbooks() {
    const body = await call("refreshAccessToken");
    assert.equal(body.token_type, "bearer");
    assert.equal((await call("getCompanyInfo", REALM)).CompanyName, "Sandbox Cabinet Shop");
    assert.equal((await call("getUserInfo")).sub, "emulator");
  },
  async sales_forms() {
    const owner = await customer();
    for (const name of SALES) {
      const more = name === "RefundReceipt" ? { DepositToAccountRef: { value: "11" } } : {};
      const made = await call(`create${name}`, { ...sale(owner, 12.34), ...more });
      const read = await call(`get${name}`, made.Id);
      assert.equal(read.TotalAmt, 12.34, name);
      const changed = await call(`update${name}`, {
        Id: read.Id, SyncToken: read.SyncToken, PrivateNote: "changed",
      });
      assert.equal(changed.PrivateNote, "changed", name);
      assert.equal(changed.TotalAmt, 12.34, name);
      const gone = await call(`delete${name}`, made.Id);
      assert.equal(gone[name].status, "Deleted", name);
      const fault = await refused(() => call(`get${name}`, made.Id));
      assert.equal(fault.Error[0].code, "610", name);
    }
  },
  async money() {
    const owner = await customer();
    const invoice = await call("createInvoice", sale(owner, 100));
    const pays = (amount) => ({
      CustomerRef: { value: owner.Id }, TotalAmt: amount,
      Line: [{ Amount: amount, LinkedTxn: [{ TxnId: invoice.Id, TxnType: "Invoice" }] }],
    });
    const payment = await call("createPayment", pays(40));
    assert.equal((await call("getInvoice", invoice.Id)).Balance, 60);
    const voided = await call("voidPayment", { Id: payment.Id, SyncToken: payment.SyncToken });
    assert.equal(voided.TotalAmt, 0);
    const second = await call("createPayment", pays(100));
    const deposit = await call("createDeposit", {
      DepositToAccountRef: { value: "11" },
      Line: [{ Amount: 100,
        LinkedTxn: [{ TxnId: second.Id, TxnType: "Payment", TxnLineId: "0" }] }],
    });
    assert.equal(deposit.TotalAmt, 100);
    const fault = await refused(() => call("updatePayment",
      { Id: second.Id, SyncToken: second.SyncToken, PrivateNote: "late" }));
    assert.equal(fault.Error[0].code, "6540");
  },
  async estimate_to_invoice_and_void() {
    const owner = await customer();
    const estimate = await call("createEstimate", sale(owner, 70));
    const invoice = await call("createInvoice", {
      ...sale(owner, 70), LinkedTxn: [{ TxnId: estimate.Id, TxnType: "Estimate" }],
    });
    assert.equal(invoice.LinkedTxn[0].TxnId, estimate.Id);
    assert.equal((await call("getEstimate", estimate.Id)).TxnStatus, "Converted");
    await call("sendInvoicePdf", invoice.Id, "books@example.com");
    const body = await call("voidInvoice", invoice.Id);
    assert.equal(body.Invoice.TotalAmt, 0);
  },
  async queries() {
    const owners = [];
    for (let n = 0; n < 5; n += 1) {
      owners.push(await call("createCustomer", { DisplayName: `Query O'Hara ${n}` }));
    }
    const found = async (criteria) =>
      (await call("findCustomers", criteria)).QueryResponse.Customer ?? [];
    assert.equal((await found({ DisplayName: "Query O'Hara 3" })).length, 1);
    const like = [{ field: "DisplayName", value: "Query%", operator: "LIKE" }];
    assert.equal((await found(like)).length, 5);
    const chosen = [{ field: "Id", value: [owners[0].Id, owners[4].Id], operator: "IN" }];
    assert.equal((await found(chosen)).length, 2);
    const page = await found([...like, { field: "desc", value: "DisplayName" },
      { field: "limit", value: 2 }, { field: "offset", value: 2 }]);
    assert.deepEqual(page.map((one) => one.DisplayName), ["Query O'Hara 3", "Query O'Hara 2"]);
    const all = await found([...like, { field: "limit", value: 2 },
      { field: "fetchAll", value: true }]);
    assert.equal(all.length, 5);
    const count = await call("findCustomers", [...like, { count: true }]);
    assert.equal(count.QueryResponse.totalCount, 5);
    assert.deepEqual(await found({ DisplayName: "nobody" }), []);
    const fault = await refused(() => call("findCustomers", { Moon: "1" }));
    assert.equal(fault.Error[0].code, "4001");
  },
  async other_lists() {
    for (const name of ["findBills", "findPurchases", "findVendorCredits", "findTransfers",
      "findJournalEntries", "findPurchaseOrders", "findTimeActivities", "findAttachables",
      "findTaxCodes", "findTaxRates", "findBillPayments", "findCompanyInfos",
      "findPreferenceses"]) {
      const reply = await call(name, {});
      assert.ok(reply.QueryResponse, name);
    }
    assert.equal((await call("getPreferences")).TaxPrefs.UsingSalesTax, false);
  },
  async batch() {
    const items = [1, 2].map((n) => ({
      bId: `b${n}`, operation: "create", Customer: { DisplayName: `Batch ${n}` },
    }));
    items.push({ bId: "q", Query: "select count(*) from Customer" });
    items.push({ bId: "bad", operation: "create", Customer: { DisplayName: "Batch 1" } });
    const rows = (await call("batch", items)).BatchItemResponse;
    assert.equal(rows[0].Customer.DisplayName, "Batch 1");
    assert.ok(rows[2].QueryResponse.totalCount >= 2);
    assert.equal(rows[3].Fault.Error[0].code, "6240");
  },
  async changes() {
    const owner = await customer();
    const invoice = await call("createInvoice", sale(owner, 1));
    await call("deleteInvoice", invoice.Id);
    const since = new Date(Date.now() - 3600e3);
    const reply = await call("changeDataCapture", ["Customer", "Invoice"], since);
    const blocks = reply.CDCResponse[0].QueryResponse;
    assert.ok(blocks[0].Customer.some((one) => one.Id === owner.Id));
    const gone = blocks[1].Invoice.find((one) => one.Id === invoice.Id);
    assert.equal(gone.status, "Deleted");
  },
  async request_ids() {
    const owner = await customer();
    const send = () => call("createInvoice", { ...sale(owner, 5), requestId: "the-same" });
    assert.equal((await send()).Id, (await send()).Id);
  },
  async faults() {
    const owner = await customer();
    let fault = await refused(() => call("createCustomer", { DisplayName: owner.DisplayName }));
    assert.equal(fault.Error[0].code, "6240");
    await call("updateCustomer", { Id: owner.Id, SyncToken: "0", CompanyName: "one" });
    fault = await refused(() =>
      call("updateCustomer", { Id: owner.Id, SyncToken: "0", CompanyName: "two" }));
    assert.equal(fault.Error[0].code, "5010");
  },
  async revoke() {
    await call("revokeAccess", true);
    await assert.rejects(oauth.refresh());
  },
};
for (const [name, [field, find, more]] of Object.entries(NAMES)) {
  const order = Object.keys(cases);
  const last = cases[order.at(-1)];
  delete cases.revoke;
  cases[`names_${name.toLowerCase()}`] = async () => {
    const made = await call(`create${name}`, { [field]: `First ${name}`, ...more });
    const read = await call(`get${name}`, made.Id);
    const changed = await call(`update${name}`, {
      Id: read.Id, SyncToken: read.SyncToken, [field]: `Second ${name}`,
    });
    assert.equal(changed[field], `Second ${name}`);
    const off = await call(`update${name}`, { ...changed, Active: false });
    assert.equal(off.Active, false);
    const rows = (await call(find, { [field]: `Second ${name}` })).QueryResponse[name];
    assert.equal(rows, undefined);
  };
  cases.revoke = last;
}

(async () => {
  for (const [name, work] of Object.entries(cases)) {
    try {
      await work();
      results[name] = "ok";
    } catch (error) {
      const said = error.Fault ?? error.response?.data ?? error.stack ?? error;
      results[name] = typeof said === "string" ? said : JSON.stringify(said);
    }
  }
  console.log(JSON.stringify(results));
})();
