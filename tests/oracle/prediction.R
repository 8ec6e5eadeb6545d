# Standard errors of predictions by dense matrices from lme4's own pieces -> prediction.json
# Rscript prediction.R
source("models.R")
# Var(x'(b^ - b) + z'(u^ - u)) from V itself: Henderson (1975)
dense <- function(m, X, Z, w = rep(1, nobs(m))) {
  s2 <- sigma(m)^2; L <- getME(m, "Lambda"); D <- as.matrix(s2 * tcrossprod(L))
  Zm <- as.matrix(getME(m, "Z")); Xm <- getME(m, "X")
  Vi <- solve(Zm %*% D %*% t(Zm) + diag(s2 / w)); C <- solve(t(Xm) %*% Vi %*% Xm)
  P <- Vi - Vi %*% Xm %*% C %*% t(Xm) %*% Vi
  B <- D - D %*% t(Zm) %*% P %*% Zm %*% D; K <- -C %*% t(Xm) %*% Vi %*% Zm %*% D
  sqrt(rowSums((X %*% C) * X) + rowSums((Z %*% B) * Z) + 2 * rowSums((X %*% K) * Z))
}
one <- function(name) {
  spec <- MODELS[[name]]; f <- fit(spec); m <- f$m; rows <- c(1, 2, 11, 17, 25, 30)
  w <- if (is.null(spec$weights)) rep(1, nobs(m)) else f$data$w
  X <- getME(m, "X")[rows, , drop = FALSE]; Z <- as.matrix(getME(m, "Z"))[rows, , drop = FALSE]
  list(theta = unname(getME(m, "theta")), se = unname(dense(m, X, Z, w)),
       se_population = unname(sqrt(rowSums((X %*% as.matrix(vcov(m))) * X))))
}
out <- sapply(c("sleepstudy", "sleepstudy_weights", "sleepstudy_ml", "penicillin", "pastes", "cake", "machines"),
              one, simplify = FALSE)
d <- rd("sleepstudy"); m <- lm(Reaction ~ Days, d); n <- data.frame(Days = c(0, 4.5, 12))
p <- function(i) unname(predict(m, n, interval = i, level = 0.9))
out$lm <- list(se = unname(predict(m, n, se.fit = TRUE)$se.fit), confidence = p("confidence"), prediction = p("prediction"))
writeLines(toJSON(out, digits = I(17), auto_unbox = TRUE), "prediction.json")
