/** What draws charts wants a document, which a browser has and Node has not. */
import { parseHTML } from "linkedom";

export const { document } = parseHTML("<!doctype html><html><body></body></html>");
