"""The same job as a plain script, to measure against: what somebody would write in an afternoon.

It keeps to the order of Pleo's guide and writes the same facts as beancount text, with what Pleo said beside it, two files
for each batch. It has none of the guarantees: nothing is looked up, checked, locked, synced or remembered, so a second run, a
lost answer or a kill books twice, and an expense that is odd in any way ends it.
"""

import base64
import hashlib
import http.client
import json
import os
import sys
from datetime import datetime, timezone
from urllib.parse import urlencode, urlsplit

OTHER_SIDES = {
    "out_of_pocket": "Liabilities:Pleo:OutOfPocket",
    "mileage": "Liabilities:Pleo:OutOfPocket",
    "per_diem": "Liabilities:Pleo:OutOfPocket",
}

server = urlsplit(os.environ["PLEO_BASE_URL"])
connection = http.client.HTTPConnection(server.hostname, server.port)
headers = {
    "Authorization": "Basic " + base64.b64encode(os.environ["PLEO_API_KEY"].encode() + b":").decode(),
    "Content-Type": "application/json",
    "Accept": "application/json",
}


def ask(method, path, query=None, body=None):
    if query:
        path += "?" + urlencode(query)
    connection.request(method, path, json.dumps(body) if body is not None else None, headers)
    response = connection.getresponse()
    answer = response.read()
    if response.status >= 300:
        sys.exit(f"{method} {path} answered {response.status}: {answer[:300]!r}")
    return json.loads(answer) if answer else None


def pages(path, **query):
    query["limit"] = 100
    while True:
        answer = ask("GET", path, query)
        yield from answer["data"]
        if not answer["pagination"]["hasNextPage"]:
            return
        query["after"] = answer["pagination"]["endCursor"]


def money(hundredths, currency):
    sign = "-" if hundredths < 0 else ""
    whole, rest = divmod(abs(hundredths), 100)
    return f"{sign}{whole}.{rest:02} {currency}"


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'


def account(code):
    return "Expenses:Pleo:A" + "".join(letter for letter in code if letter.isalnum() or letter == "-")


def transaction(item, number, opened):
    total = item["amount"]["inWalletCurrency"]
    currency = total["currency"]
    payee = item.get("supplier", {}).get("name") or item["type"]
    narration = " / ".join(filter(None, [item.get("note"), item.get("user", {}).get("name")]))
    content = json.dumps(item, sort_keys=True, separators=(",", ":")).encode()
    lines = [
        f'{item["date"][:10]} ! {quoted(payee)} {quoted(narration)} ^pleo-{item["accountingEntryId"]}',
        f'  pleo-entry: "{item["accountingEntryId"]}"',
        f'  pleo-number: "{number}"',
        f'  pleo-hash: "{hashlib.sha256(content).hexdigest()}"',
    ]
    if book_id := item.get("additionalInformation", {}).get("reconciliationId"):
        lines.append(f"  pleo-book-id: {quoted(book_id)}")

    def post(name, hundredths, **facts):
        opened.add(name)
        lines.append(f"  {name}  {money(hundredths, currency)}")
        lines.extend(f"    {key.replace('_', '-')}: {quoted(value)}" for key, value in facts.items() if value)

    rest = -total["value"]
    for line in item["accountingEntryLines"]:
        cost = line["lineAmount"]["inWalletCurrency"]["value"]
        code = line.get("account", {}).get("code")
        tags = ", ".join(f'{tag["groupCode"]}={tag["code"]}' for tag in line.get("tags", []))
        tax = line.get("tax")
        tax_code = tax and tax.get("code")
        rest_of_line = cost
        if tax and tax.get("type") == "inclusive":
            amount = tax["amount"]["inWalletCurrency"]["value"]
            rest_of_line -= amount
            post(f'Assets:Tax:Input:A{tax.get("ingoingTaxAccount") or "0"}', amount, tax_code=tax_code)
        post(account(code) if code else "Assets:Pleo:Transit", rest_of_line, account_code=code, tax_code=tax_code, tags=tags)
        rest += cost
    post(OTHER_SIDES.get(item["type"], f"Assets:Pleo:Wallet:{currency}"), -total["value"])
    if rest:
        post("Expenses:Pleo:FxDifference", -rest)
    return "\n".join(lines)


def book(job):
    ask("POST", "/v3/export-job-events", body={"jobId": job, "event": "started"})
    wanted = {item["accountingEntryId"] for item in pages(f"/v3/export-jobs/{job}/items")}
    items = [item for item in pages("/v3/export-items", job_id=job) if item["accountingEntryId"] in wanted]
    items.sort(key=lambda item: (item["date"], item["accountingEntryId"]))
    os.makedirs("books/pleo", exist_ok=True)
    numbers, opened = {}, set()
    for first in range(0, len(items), 100):
        batch = items[first : first + 100]
        in_progress = [{"accountingEntryId": item["accountingEntryId"], "status": "in_progress"} for item in batch]
        ask("PUT", f"/v3/export-jobs/{job}/items", body=in_progress)
        texts, evidence, verdicts = [], [], []
        for item in batch:
            year = item["date"][:4]
            numbers[year] = numbers.get(year, 0) + 1
            number = f"PLEO-{year}-{numbers[year]:06}"
            texts.append(transaction(item, number, opened))
            item.pop("files", None)
            evidence.append(json.dumps({"entry": item["accountingEntryId"], "number": number, "job": job, "payload": item}))
            verdicts.append({
                "accountingEntryId": item["accountingEntryId"],
                "status": "successful",
                "exportedAt": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "externalId": number,
            })
        name = f'books/pleo/{verdicts[0]["externalId"]}'
        with open(f"{name}.evidence.jsonl", "w", encoding="utf-8") as file:
            file.write("\n".join(evidence) + "\n")
        with open(f"{name}.beancount", "w", encoding="utf-8") as file:
            file.write("\n\n".join(texts) + "\n")
        ask("PUT", f"/v3/export-jobs/{job}/items", body=verdicts)
    with open("books/main.beancount", "w", encoding="utf-8") as file:
        file.writelines(f"1970-01-01 open {name}\n" for name in sorted(opened))
        file.write('include "pleo/*.beancount"\n')
    ask("POST", "/v3/export-job-events", body={"jobId": job, "event": "completed"})


query = {"company_id": os.environ["PLEO_COMPANY_ID"], "statuses": "pending"}
for pending in sorted(pages("/v3/export-jobs", **query), key=lambda job: job["createdAt"]):
    book(pending["id"])
