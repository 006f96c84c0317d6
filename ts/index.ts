export * from "./api/public.js";
