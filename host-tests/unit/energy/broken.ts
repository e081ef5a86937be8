/** An application that fails as it starts. */
throw new Error("no such sensor");
