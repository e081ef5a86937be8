const renamed = "other";

export { renamed };
export default "name";
